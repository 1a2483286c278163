"""The reference tier: every operation is launched as the game's code reaches it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.data.batcher import Batcher
from ganzoo.errors import ContractError
from ganzoo.game import Game, Turn
from ganzoo.training.ema import EMA
from ganzoo.training.seeding import generator

from .meter import Meter, check_terms
from .optimizers import PlayerOptimizer


class EagerEngine:
    """Plays a game, iteration by iteration, and owns all state that this moves.

    Args:
        game: on its device, in training mode.
        batcher: where batches come from.
        seed: of the game's random stream.
        device: where everything lives.
        precision: ``"bf16"`` runs the losses under autocast; weights and scores stay float32.
        ema: decay of the average of the exported module, 0 for none.
    """

    tier = "eager"

    def __init__(
        self,
        game: Game,
        batcher: Batcher,
        *,
        seed: int,
        device: torch.device,
        precision: str = "fp32",
        ema: float = 0.0,
    ) -> None:
        self.game = game
        self.batcher = batcher
        self.device = device
        self.precision = precision
        self.iteration = 0
        self.step = torch.zeros((), dtype=torch.int64, device=device)
        self.rng = generator(seed, "turns", device=device)
        self.meter = Meter(device)
        self.players = {player.name: player for player in game.players()}
        self.optimizers = _optimizers(game, device)
        self.ema = EMA(game.exported(), ema) if ema else None

    @property
    def exported(self) -> nn.Module:
        """What is sampled and saved: the averaged module, or the training one where nothing is averaged."""
        return self.ema.module if self.ema else self.game.exported()

    def iterate(self) -> None:
        """Play the rounds of one iteration. No host synchronisation."""
        plan = self.game.rounds(self.iteration)
        self.batcher.prepare(len(plan))
        for names in plan:
            turn = Turn(batch=self.batcher.draw(), rng=self.rng, step=self.step, players=names)
            for name in names:
                self._play(name, turn)
            self.meter.add("", turn.shown, self.step)
        if self.ema:
            self.ema.update(self.step)
        self.step += 1
        self.iteration += 1

    def _play(self, name: str, turn: Turn) -> None:
        """One player's update: loss, gradients of its own parameters alone, optimizer, and what follows it."""
        player, optimizer = self.players[name], self.optimizers[name]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            terms = player.loss(turn)
        check_terms(name, terms)
        # All that the optimizer will step on, which is more than the player's own where it shares another's optimizer.
        for parameter in optimizer.params:
            parameter.grad = None
        torch.stack(list(terms.values())).sum().backward(inputs=list(player.params))  # type: ignore[no-untyped-call]
        optimizer.step(turn.step)
        if player.after is not None:
            player.after()
        detached = {term: value.detach() for term, value in terms.items()}
        self.game.after_update(name, detached, turn)
        self.meter.add(f"{name}/", detached, turn.step)

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """All state that is tensors, by group; with :meth:`values`, complete enough to go on bit for bit."""
        groups: dict[str, dict[str, Tensor]] = {"model": dict(self.game.state_dict())}
        groups["optimizers"] = {
            f"{name}.{key}": value
            for name, optimizer in self._distinct_optimizers().items()
            for key, value in optimizer.state().items()
        }
        groups["exported"] = dict(self.exported.state_dict())
        groups["rng"] = {"turns": self.rng.get_state(), "global": torch.get_rng_state()}
        if self.device.type == "cuda":
            groups["rng"]["cuda"] = torch.cuda.get_rng_state(self.device)
        return groups

    def values(self) -> dict[str, Any]:
        """All state that is plain values."""
        return {"iteration": self.iteration, "drawn": self.batcher.drawn, "meter": self.meter.state()}

    def restore(self, tensors: dict[str, dict[str, Tensor]], values: dict[str, Any]) -> None:
        """Go on from what :meth:`tensors` and :meth:`values` gave."""
        self.game.load_state_dict(tensors["model"])
        for name, optimizer in self._distinct_optimizers().items():
            prefix = f"{name}."
            state = tensors["optimizers"].items()
            optimizer.restore({key.removeprefix(prefix): value for key, value in state if key.startswith(prefix)})
        if self.ema:
            self.ema.module.load_state_dict(tensors["exported"])
        self.rng.set_state(tensors["rng"]["turns"])
        torch.set_rng_state(tensors["rng"]["global"])
        if self.device.type == "cuda" and "cuda" in tensors["rng"]:
            torch.cuda.set_rng_state(tensors["rng"]["cuda"], self.device)
        self.iteration = int(values["iteration"])
        self.step.fill_(self.iteration)
        self.batcher.restore(int(values["drawn"]))
        self.meter.restore(values["meter"])

    def _distinct_optimizers(self) -> dict[str, PlayerOptimizer]:
        """The optimizers by the player that owns each."""
        return {
            name: self.optimizers[name]
            for name, player in self.players.items()
            if not isinstance(player.optimizer, str)
        }


def _optimizers(game: Game, device: torch.device) -> dict[str, PlayerOptimizer]:
    """Each player's optimizer; a player that names another one shares that one's."""
    players = game.players()
    names = [player.name for player in players]
    if len(set(names)) != len(names):
        raise ContractError(f"players of {type(game).__name__} share a name: {', '.join(names)}")
    owners = [player for player in players if not isinstance(player.optimizer, str)]
    built = {player.name: PlayerOptimizer(player, device) for player in owners}
    for player in players:
        if isinstance(player.optimizer, str):
            if player.optimizer not in built:
                raise ContractError(
                    f"player {player.name!r} shares the optimizer of {player.optimizer!r}, which has none of its own",
                    choices=built,
                )
            built[player.name] = built[player.optimizer]
    return built
