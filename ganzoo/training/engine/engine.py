"""The engine: all state that training moves, and a tier that moves it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.data.batcher import Batcher
from ganzoo.errors import ContractError
from ganzoo.game import Game, Plan, Player
from ganzoo.training.ema import EMA
from ganzoo.training.seeding import generator

from .cycle import Cycle
from .meter import Meter
from .optimizers import PlayerOptimizer
from .tiers import Eager, Plans, Tier

_log = logging.getLogger(__name__)

Inspection = Callable[["Engine", Plans], str]
"""Why a tier may not play a sequence of plans; empty if it may."""


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
        inspect: is asked about every sequence of plans that the tier has not played yet, why it may not: what comes
            back is told, and the sequence is played by the reference. Nothing is asked if None.
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
        self._seed = seed
        self.rng = generator(seed, "turns", device=device)
        self.meter = Meter(device)
        players = tuple(game.players())
        self.optimizers = _optimizers(players, type(game).__name__, device)
        self.players = {player.name: player for player in players}
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
        self._reference = self.tier
        self.inspect: Inspection | None = None
        self._verdicts: dict[Plans, str] = {}

    @property
    def exported(self) -> nn.Module:
        """What is sampled and saved: the averaged module, or the training one where nothing is averaged."""
        return self.ema.module if self.ema else self.game.exported()

    def iterate(self, most: int = 1) -> None:
        """Play at least one iteration and at most ``most``, as many as the tier does at once. No host sync."""
        plans = self.get_ready(most)
        self.prepare(plans)
        (self._reference if self._verdicts.get(plans) else self.tier).play(plans)
        self.iteration += len(plans)

    def get_ready(self, most: int = 1) -> tuple[Plan, ...]:
        """The plans of the next call of :meth:`iterate`, with what the tier must do once for them done."""
        # A whole span or a single one, so that no more than two are ever made ready for the same rounds.
        plans = self.plans(self.tier.span if most >= self.tier.span else 1)
        if self.inspect and plans not in self._verdicts:
            self._verdicts[plans] = self._inspected(self.inspect, plans)
        if not self._verdicts.get(plans):
            self.tier.get_ready(plans, self)
        return plans

    def vouch(self, count: int) -> None:
        """Take the sequences of plans of the next ``count`` iterations as inspected."""
        ahead = 0
        while ahead < count:
            span = self.tier.span if count - ahead >= self.tier.span else 1
            rounds = (self.game.rounds(self.iteration + ahead + index) for index in range(span))
            self._verdicts[tuple(rounds)] = ""
            ahead += span

    def _inspected(self, inspect: Inspection, plans: Plans) -> str:
        self.inspect = None  # which plays them, and is not to be asked again for that
        try:
            reason = inspect(self, plans)
        finally:
            self.inspect = inspect
        if reason:
            _log.warning("iterations of %s run eagerly from here on, not as %s: %s", plans[0], self.tier.name, reason)
        return reason

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
        self._restore_rng(tensors["rng"]["turns"], int(values["iteration"]))
        torch.set_rng_state(tensors["rng"]["global"])
        if self.device.type == "cuda" and "cuda" in tensors["rng"]:
            torch.cuda.set_rng_state(tensors["rng"]["cuda"], self.device)
        self.iteration = int(values["iteration"])
        self.step.fill_(self.iteration)
        self.batcher.restore(int(values["drawn"]))
        self.meter.restore(values["meter"])

    def _restore_rng(self, state: Tensor, iteration: int) -> None:
        """Go on with the random stream; on another kind of device, which cannot, with a new one of this iteration."""
        if state.shape != self.rng.get_state().shape:
            _log.warning("the run goes on with other random numbers: those of another kind of device are not to be had")
            state = generator(self._seed, "turns", iteration, device=self.device).get_state()
        self.rng.set_state(state)

    def _distinct_optimizers(self) -> dict[str, PlayerOptimizer]:
        """The optimizers by the player that owns each."""
        return {
            name: self.optimizers[name]
            for name, player in self.players.items()
            if not isinstance(player.optimizer, str)
        }


def _optimizers(players: Sequence[Player], game: str, device: torch.device) -> dict[str, PlayerOptimizer]:
    """Each player's optimizer; a player that names another one shares that one's."""
    names = [player.name for player in players]
    if len(set(names)) != len(names):
        raise ContractError(f"players of {game} share a name: {', '.join(names)}")
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
            (owner,) = (each for each in owners if each.name == player.optimizer)
            _check_sharer(player, owner)
    return built


def _check_sharer(player: Player, owner: Player) -> None:
    """Refuse a player that shares the optimizer of ``owner`` and has what that one would not see."""
    owned = {id(parameter) for parameter in owner.params}
    if not all(id(parameter) in owned for parameter in player.params):
        raise ContractError(
            f"player {player.name!r} shares the optimizer of {owner.name!r}, which does not step on all of its "
            "parameters",
            fix="give the owner all of them, or the player an optimizer of its own",
        )
    own = {name: getattr(player, name) for name in ("schedule", "lr_scale", "betas")}
    if ignored := [name for name, part in own.items() if part is not None and part is not getattr(owner, name)]:
        raise ContractError(
            f"player {player.name!r} shares the optimizer of {owner.name!r}, so its own {ignored[0]} does nothing",
            fix=f"give {ignored[0]} to the owner",
        )
