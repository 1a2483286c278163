"""The engine: all state that training moves, and a tier that moves it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.data.batcher import Batcher
from ganzoo.errors import ContractError
from ganzoo.game import Game, Plan
from ganzoo.training.ema import EMA
from ganzoo.training.seeding import generator

from .cycle import Cycle
from .meter import Meter
from .optimizers import PlayerOptimizer
from .tiers import Eager, Tier


class Engine:
    """Plays a game, iteration by iteration, and owns all state that this moves.

    Args:
        game: on its device, in training mode.
        batcher: where batches come from.
        seed: of the game's random stream.
        device: where everything lives.
        precision: ``"bf16"`` runs the losses under autocast; weights and scores stay float32.
        ema: decay of the average of the exported module, 0 for none.
        accumulate: batches whose gradients are averaged for one update.

    Attributes:
        tier: how iterations are executed; the reference tier until another one is set.
    """

    def __init__(
        self,
        game: Game,
        batcher: Batcher,
        *,
        seed: int,
        device: torch.device,
        precision: str = "fp32",
        ema: float = 0.0,
        accumulate: int = 1,
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
        self.cycle = Cycle(
            game,
            batcher,
            players=self.players,
            optimizers=self.optimizers,
            ema=self.ema,
            meter=self.meter,
            rng=self.rng,
            step=self.step,
            bf16=precision == "bf16",
            accumulate=accumulate,
        )
        self.tier: Tier = Eager(self.cycle)

    @property
    def exported(self) -> nn.Module:
        """What is sampled and saved: the averaged module, or the training one where nothing is averaged."""
        return self.ema.module if self.ema else self.game.exported()

    def iterate(self, most: int = 1) -> None:
        """Play at least one iteration and at most ``most``, as many as the tier does at once. No host sync."""
        plans = self.get_ready(most)
        self.prepare(plans)
        self.tier.play(plans)
        self.iteration += len(plans)

    def get_ready(self, most: int = 1) -> tuple[Plan, ...]:
        """The plans of the next call of :meth:`iterate`, with what the tier must do once for them done."""
        # A whole span or a single one, so that no more than two are ever made ready for the same rounds.
        plans = self.plans(self.tier.span if most >= self.tier.span else 1)
        self.tier.get_ready(plans, self)
        return plans

    def plans(self, count: int) -> tuple[Plan, ...]:
        """The rounds of the next ``count`` iterations."""
        return tuple(self.game.rounds(self.iteration + ahead) for ahead in range(count))

    def prepare(self, plans: tuple[Plan, ...]) -> None:
        """Announce the batches of ``plans``."""
        self.batcher.prepare(sum(map(len, plans)) * self.cycle.accumulate)

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
        """Go on from what :meth:`tensors` and :meth:`values` gave. Every tensor keeps its memory."""
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
