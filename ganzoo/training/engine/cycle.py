"""One iteration of a game: the rounds, each player's update, the average, the meter. Tensor operations and no more.

Nothing here asks the device for a value, and no Python number changes from one iteration to the next. So the same code
is run as it stands, recorded and fused, or captured in a CUDA graph.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ganzoo.data.batcher import Batcher
from ganzoo.game import Game, Plan, Player, Terms, Turn
from ganzoo.training.ema import EMA

from .meter import Meter, check_terms
from .optimizers import PlayerOptimizer


class Cycle:
    """Plays one iteration.

    Args:
        game: on its device, in training mode.
        batcher: where batches come from; the caller prepares them.
        players: of the game, by name.
        optimizers: of the players, by name.
        ema: the average of the exported module, None for none.
        meter: takes the scalars.
        rng: the game's random stream.
        step: the iteration, int64, 0-dim, on the device; moved here.
        bf16: run the losses under autocast; weights and scores stay float32.
        accumulate: batches whose gradients are averaged for one update.
    """

    def __init__(
        self,
        game: Game,
        batcher: Batcher,
        *,
        players: Mapping[str, Player],
        optimizers: Mapping[str, PlayerOptimizer],
        ema: EMA | None,
        meter: Meter,
        rng: torch.Generator,
        step: Tensor,
        bf16: bool = False,
        accumulate: int = 1,
    ) -> None:
        self.game, self.batcher = game, batcher
        self.players, self.optimizers = players, optimizers
        self.ema, self.meter = ema, meter
        self.rng, self.step = rng, step
        self.bf16, self.accumulate = bf16, accumulate

    def play(self, plan: Plan) -> None:
        """The rounds of ``plan``, and what follows them."""
        for names in plan:
            turns = [self._turn(names) for _ in range(self.accumulate)]
            for name in names:
                self._update(self.players[name], turns)
            for shown in _means([turn.shown for turn in turns]):
                self.meter.add("", shown)
        if self.ema:
            self.ema.update(self.step)
        self.meter.commit(self.step)
        self.step += 1

    def _turn(self, names: tuple[str, ...]) -> Turn:
        return Turn(self.batcher.draw(), self.rng, self.step, players=names, batches=self.accumulate)

    def _update(self, player: Player, turns: list[Turn]) -> None:
        """One player's update: loss, gradients of its own parameters alone, optimizer, and what follows it."""
        optimizer = self.optimizers[player.name]
        # All that the optimizer will step on, which is more than the player's own where it shares another's optimizer.
        for parameter in optimizer.params:
            parameter.grad = None
        (terms,) = _means([self._differentiate(player, turn, share=1 / len(turns)) for turn in turns])
        shown = optimizer.step(self.step)
        if player.after is not None:
            player.after()
        self.game.after_update(player.name, terms, turns[-1])
        self.meter.add(f"{player.name}/", terms | shown)

    def _differentiate(self, player: Player, turn: Turn, *, share: float) -> Terms:
        """Add ``share`` times the gradient of the player's loss on ``turn``, and return its detached terms."""
        with torch.autocast(self.step.device.type, torch.bfloat16, enabled=self.bf16):
            terms = player.loss(turn)
        check_terms(player.name, terms)
        total = torch.stack(list(terms.values())).sum()
        (total if share == 1 else total * share).backward(inputs=list(player.params))  # type: ignore[no-untyped-call]
        return {name: value.detach() for name, value in terms.items()}


def _means(several: list[Terms]) -> list[Terms]:
    """The means of scalars of the same names, as a list of one; nothing where there are no scalars."""
    first, *others = several
    if not others:
        return [first]
    return [{name: torch.stack([terms[name] for terms in several]).mean() for name in first}]
