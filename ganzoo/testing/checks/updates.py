"""What updates do: whose weights move, by which gradients, and whether all stays finite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from ganzoo.game import GAN, Game, Player, Terms, Turn
from ganzoo.testing.lab import Lab, distinct_plans, play, play_plan, some
from ganzoo.testing.places import of_object, of_type
from ganzoo.testing.report import FaultError
from ganzoo.training.engine import Engine

ITERATIONS = 12
LARGE = 50.0
"""A score at which log(sigmoid(s)) still holds and log(1 - sigmoid(s)) does not."""


class Watch:
    """Stands between an engine and its players, and sees after each update what moved and which gradients there are.

    Args:
        engine: whose players are watched from now on.

    Attributes:
        without: by player, the names of its parameters that got no gradient in any update yet.
        still: the players all of whose gradients were zero in each update.
    """

    def __init__(self, engine: Engine) -> None:
        self.game: Game = engine.game
        self.names = {id(parameter): name for name, parameter in self.game.named_parameters()}
        self.without = {player.name: self._names_of(player) for player in engine.players.values()}
        self.still = set(self.without)
        self._updating: Player | None = None
        self._before: dict[str, Tensor] = {}
        self._steps = {name: {id(p) for p in engine.optimizers[name].params} for name in engine.players}
        for name, player in engine.players.items():
            watched = replace(player, loss=self._watched(player), after=self._after(player))
            engine.cycle.players[name] = watched  # type: ignore[index]

    def finish(self) -> None:
        """Look at the last update."""
        if self._updating is not None:
            self._look(self._updating)
        self._updating = None

    def _watched(self, player: Player) -> Callable[[Turn], Terms]:
        def loss(turn: Turn) -> Terms:
            self.finish()
            for parameter in self.game.parameters():
                parameter.grad = None
            self._before = {name: parameter.detach().clone() for name, parameter in self.game.named_parameters()}
            terms = player.loss(turn)
            self._check_nothing_done(player)
            self._updating = player
            return terms

        return loss

    def _after(self, player: Player) -> Callable[[], None]:
        """Look at the gradients at once, since the next player's update may throw them away."""

        def after() -> None:
            own = {id(parameter) for parameter in player.params}
            for name, parameter in self.game.named_parameters():
                if id(parameter) in own and parameter.grad is not None:
                    self._take(player, name, parameter.grad)
            if player.after is not None:
                player.after()

        return after

    def _check_nothing_done(self, player: Player) -> None:
        for name, parameter in self.game.named_parameters():
            if parameter.grad is not None or not torch.equal(parameter, self._before[name]):
                raise FaultError(
                    f"the loss of player {player.name!r} changes {name} or its gradient",
                    where=of_object(player.loss),
                    fix="return the terms; only the engine calls backward and step",
                )

    def _look(self, player: Player) -> None:
        for name, parameter in self.game.named_parameters():
            moved = not torch.equal(parameter, self._before[name])
            if moved and id(parameter) not in self._steps[player.name]:
                raise FaultError(
                    f"an update of player {player.name!r} moved {name}, which is not its own",
                    where=of_object(self.game.after_update) or of_object(player.loss),
                    fix="list it in the player's params, or leave it alone in after_update",
                )

    def _take(self, player: Player, name: str, gradient: Tensor) -> None:
        if not bool(gradient.isfinite().all()):
            raise FaultError(
                f"player {player.name!r} has a gradient of {name} that is not finite", where=of_object(player.loss)
            )
        self.without[player.name].discard(name)
        if bool(gradient.any()):
            self.still.discard(player.name)

    def _names_of(self, player: Player) -> set[str]:
        return {self.names[id(parameter)] for parameter in player.params if id(parameter) in self.names}


def gradients(lab: Lab) -> None:
    """Play each plan, with a look at all weights after each update."""
    engine = lab.engine()
    watch = Watch(engine)
    for plan in distinct_plans(engine.game):
        for _ in range(2):  # what a first update moves may open a way for the gradients of a second
            play_plan(engine, plan)
            watch.finish()
    playing = {name for plan in distinct_plans(engine.game) for turn in plan for name in turn}
    for player in engine.players.values():
        if player.name not in playing:
            continue
        _check_reached(watch, player, engine.game)
    _check_owned(engine)


def _check_reached(watch: Watch, player: Player, game: Game) -> None:
    shared = isinstance(player.optimizer, str)  # its optimizer steps on what another player's loss reaches
    if (names := sorted(watch.without[player.name])) and not shared:
        raise FaultError(
            f"player {player.name!r} has parameters that never get a gradient: {some(names)}",
            where=_module_of(game, names[0]),
            fix="use them in its loss, do not detach what leads to them, or take them out of its params",
        )
    if player.name in watch.still:
        raise FaultError(
            f"all gradients of player {player.name!r} are zero, so it learns nothing", where=of_object(player.loss)
        )


def _check_owned(engine: Engine) -> None:
    owned = {id(parameter) for player in engine.players.values() for parameter in player.params}
    named = engine.game.named_parameters()
    idle = [name for name, parameter in named if parameter.requires_grad and id(parameter) not in owned]
    if idle:
        raise FaultError(
            f"parameters that belong to no player: {some(idle)}",
            where=_module_of(engine.game, idle[0]),
            fix="give them to a player, or set requires_grad_(False) if they are meant to stand still",
        )


def _module_of(game: Game, name: str) -> str:
    """The innermost module of a plugin that holds the parameter of that name."""
    path = name.split(".")[:-1]
    for depth in range(len(path), -1, -1):
        if where := of_type(game.get_submodule(".".join(path[:depth]))):
            return where
    return ""


def finite(lab: Lab) -> None:
    """Play some iterations, then ask the loss of a GAN about scores at which careless formulas overflow."""
    engine = lab.engine(ema=0.9)
    after = play(engine, ITERATIONS)
    engine.meter.check()
    for name, tensor in after.flat().items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise FaultError(f"{name} is not finite after {ITERATIONS} iterations", where=of_type(engine.game))
    if isinstance(engine.game, GAN):
        _check_large(engine.game)


def _check_large(game: GAN) -> None:
    signs = ((-1, -1),) if game.discriminator.energy else ((1, 1), (1, -1), (-1, 1), (-1, -1))
    for ours, theirs in signs:
        real = torch.full((4,), ours * LARGE, requires_grad=True)
        fake = torch.full((4,), theirs * LARGE, requires_grad=True)
        given = real if game.loss.generator_needs_real else None
        for method, terms in (
            ("discriminator", game.loss.discriminator(real, fake)),
            ("generator", game.loss.generator(fake, given)),
        ):
            total = torch.stack(list(terms.values())).sum()
            slopes = torch.autograd.grad(total, [real, fake], allow_unused=True)
            if not all(bool(part.isfinite().all()) for part in (total, *slopes) if part is not None):
                raise FaultError(
                    f"{type(game.loss).__name__}.{method} is not finite at real scores of {ours * LARGE:g} and fake "
                    f"scores of {theirs * LARGE:g}",
                    where=of_object(getattr(game.loss, method)),
                    fix="write log(sigmoid(s)) as -softplus(-s)",
                )
