"""What a builder gives: a game that fits together, images, and scores."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.errors import ConfigError
from ganzoo.game import Batch, Game
from ganzoo.testing.lab import SURVEYED, Lab
from ganzoo.testing.places import of_object, of_type
from ganzoo.testing.report import FaultError, finding_of
from ganzoo.training.seeding import generator

SIZES = (1, 2, 5)
_N = 6
_CLOSE = 1e-4
"""What a score may change by, as a share of the spread of all scores, when other images of its batch do."""


def build(lab: Lab) -> None:
    """Build the game, with weights and without, and look at its players and its plans."""
    game = lab.game()
    players = game.players()
    names = [player.name for player in players]
    if len(set(names)) != len(names) or not names:
        raise FaultError(f"the players are called {names}", where=of_object(game.players), fix="give each its own name")
    _check_rounds(game, names)
    _check_params(game)
    lab.config  # noqa: B018 - raises where no size of image will do
    try:
        with torch.device("meta"):
            lab.game()
    except Exception as error:
        raise FaultError(
            f"cannot be built without weights, as ganzoo info does: {finding_of(error, '').problem}",
            where=of_type(game),
            fix="let the builder work under torch.device('meta'), where tensors have no values",
        ) from error


def _check_rounds(game: Game, names: list[str]) -> None:
    where = of_object(game.rounds)
    for iteration in range(SURVEYED):
        plan = game.rounds(iteration)
        if not isinstance(plan, tuple) or not all(isinstance(turn, tuple) and turn for turn in plan) or not plan:
            raise FaultError(f"rounds({iteration}) gives {plan!r}; it must be a tuple of tuples of names", where=where)
        if unknown := {name for turn in plan for name in turn} - set(names):
            raise FaultError(
                f"rounds({iteration}) names {', '.join(sorted(unknown))}, and the players are {', '.join(names)}",
                where=where,
            )
        if game.rounds(iteration) != plan:
            raise FaultError(
                f"rounds({iteration}) gives another plan at the second call",
                where=where,
                fix="make it a function of the iteration and of nothing else",
            )


def _check_params(game: Game) -> None:
    known = {id(parameter) for parameter in game.parameters()}
    for player in game.players():
        if not player.params:
            raise FaultError(f"player {player.name!r} has no parameters", where=of_object(game.players))
        if any(id(parameter) not in known for parameter in player.params):
            raise FaultError(
                f"player {player.name!r} moves parameters that are not the game's, so no checkpoint holds them",
                where=of_object(game.players),
                fix="assign their module to an attribute of the game, not to a list",
            )


def images(lab: Lab) -> None:
    """Generate at several batch sizes, twice from one seed, in both modes of the network."""
    engine = lab.engine()
    game, shape, case = engine.game, engine.batcher.info.shape, lab.case
    net, where = game.exported(), of_object(type(engine.game.exported()))
    for n in SIZES:
        given = lab.given(engine, n)
        made = [_generate(game, net, n, generator(case.seed, "images"), given) for _ in range(2)]
        _check_images(made[0], (n, *shape), where)
        if not torch.equal(*made):
            raise FaultError(
                f"one request gives two batches of {n} different images in evaluation mode",
                where=where,
                fix="draw what an image is made from in request(), from the rng that it gets",
            )
        if not net.training:
            raise FaultError(
                "generate() leaves the network in evaluation mode",
                where=of_object(game.generate),
                fix="put the mode back at the end",
            )
    if float(made[0].std()) == 0:
        raise FaultError("all pixels of all images are the same", where=where)


def _generate(game: Game, net: nn.Module, n: int, rng: torch.Generator, given: Batch | None) -> Tensor:
    return game.generate(net, game.request(n, rng, given), rng)


def _check_images(made: Tensor, shape: tuple[int, ...], where: str) -> None:
    if tuple(made.shape) != shape or made.dtype != torch.float32:
        raise FaultError(f"images are {made.dtype} {tuple(made.shape)}; they must be float32 {shape}", where=where)
    if not bool(made.isfinite().all()):
        raise FaultError("pixels are not finite", where=where)
    low, high = float(made.min()), float(made.max())
    if low < -1 or high > 1:
        raise FaultError(
            f"pixels reach from {low:.3g} to {high:.3g}; they must lie in [-1, 1]",
            where=where,
            fix="end the generator in tanh, or rescale its output (2 y - 1 after a sigmoid)",
        )


def scores(lab: Lab) -> None:
    """Score real images, and hold the flags ``energy`` and ``mixes_batch`` against what is seen."""
    game = lab.gan()
    engine = lab.engine(game=game, batch_size=_N)
    d, where = game.discriminator, of_type(game.discriminator)
    engine.prepare(engine.plans(1))
    batch = engine.batcher.draw()
    labels = batch["labels"] if d.conditional else None
    if labels is None and d.conditional:
        raise ConfigError("the discriminator takes labels, and the data have none")
    made = _scores(d, batch["images"], labels)
    if tuple(made.shape) != (_N,) or not made.is_floating_point():
        raise FaultError(
            f"{type(d).__name__} gives scores of shape {tuple(made.shape)}, {made.dtype} for {_N} images; "
            f"they must be float ({_N},)",
            where=where,
            fix="end forward with .squeeze(1) or .flatten()",
        )
    if not bool(made.isfinite().all()):
        raise FaultError("scores are not finite", where=where)
    if d.energy and bool((made > 0).any()):
        raise FaultError(
            f"{type(d).__name__} says energy, and a score is {float(made.max()):.3g}; it must be minus an error",
            where=where,
        )
    others = torch.cat([batch["images"][:1], -batch["images"][1:]])
    change = abs(float(_scores(d, others, labels)[0] - made[0])) / max(float(made.std()), 1e-12)
    if change > _CLOSE and not d.mixes_batch:
        raise FaultError(
            f"the score of an image moved by {change:.2g} standard deviations when the other images of its batch were "
            "exchanged, and mixes_batch is False",
            where=where,
            fix="set mixes_batch = True, so that per-sample penalties are refused, or take another norm",
        )


@torch.no_grad()
def _scores(d: nn.Module, images: Tensor, labels: Tensor | None) -> Tensor:
    """Scores in training mode, with the same dropout at every call and buffers as they were."""
    before = {name: tensor.clone() for name, tensor in d.state_dict().items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made: Tensor = d(images, labels)
    d.load_state_dict(before)
    return made
