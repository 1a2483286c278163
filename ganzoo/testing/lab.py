"""What the checks work with: games, batches and engines of a case, made anew as often as they are asked for."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ganzoo.assembly import build_game
from ganzoo.config import RunConfig
from ganzoo.data import DataInfo
from ganzoo.data.catalog import find_source
from ganzoo.data.convert import normalise
from ganzoo.data.images import ImageSet
from ganzoo.data.resident import ResidentBatcher
from ganzoo.errors import GanzooError, PluginError
from ganzoo.game import GAN, Batch, DataNeeds, Game, Plan
from ganzoo.training.engine import Engine
from ganzoo.training.engine.snapshot import Snapshot
from ganzoo.training.seeding import generator, seed_global

from .case import Case
from .planar import CENTRES, SIZE, draw_points, paint
from .report import NotApplicableError

CPU = torch.device("cpu")
BATCH = 8
SURVEYED = 512
"""Iterations whose plans are asked for."""
SPAN = 3
"""The most iterations that are announced at once."""
PAUSE = 3
"""Iterations between two that are compared."""

_IMAGES = 256
_SIZES = (16, 28, 32, 64)
_ROUNDS = 16


class Lab:
    """Builds what the checks of one case need.

    Args:
        case: what is checked.

    Raises:
        UnknownNameError, ConfigError: the case names what there is not, or sets an option that does not fit.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self.spec_config = case.config()
        find_source(self.spec_config.data)  # so that a wrong name is told at once

    @functools.cached_property
    def config(self) -> RunConfig:
        """The config, with an image size for which the networks can be built.

        Raises:
            PluginError: the builder fails.
            GanzooError: what it raised for the size of the data, if it refuses all others too.
        """
        try:
            self._build(self.spec_config, self._info_of(self.spec_config))
            return self.spec_config
        except PluginError:
            raise  # a fault, whatever the size
        except GanzooError:
            for size in _SIZES if self.case.image_size is None else ():
                config = self.case.config(image_size=size)
                try:
                    self._build(config, self._info_of(config))
                except GanzooError:
                    continue
                return config
            raise

    def require_game(self) -> None:
        """Raise NotApplicableError where there is no game or there are no data to play it on."""
        try:
            needs = self.game().needs
        except Exception as error:
            text = error.problem if isinstance(error, GanzooError) else f"{type(error).__name__}: {error}"
            raise NotApplicableError(f"the game cannot be built, see build: {text}") from error
        if needs.labels and (len(needs.domains) > 1 or not self._info_of(self.config).classes):
            raise NotApplicableError("the game needs labels, which these data do not have")

    def game(self, *, seed: int | None = None, info: DataInfo | None = None) -> Game:
        """A new game in training mode, on the CPU; the same one for the same seed."""
        return self._build(self.config, info or self._info_of(self.config), seed)

    def gan(self) -> GAN:
        """The same, for checks of generators and discriminators.

        Raises:
            NotApplicableError: the game is of another shape.
        """
        game = self.game()
        if not isinstance(game, GAN):
            raise NotApplicableError(f"{type(game).__name__} is no GAN with one generator and one discriminator")
        return game

    def engine(
        self,
        *,
        seed: int | None = None,
        game: Game | None = None,
        planar: bool = False,
        batch_size: int = BATCH,
        **options: Any,
    ) -> Engine:
        """An engine of a new game, in its reference tier.

        Args:
            seed: of weights, batches and turns; the case's own if None.
            game: in place of a new one.
            planar: on points of the plane, in place of the case's data.
            batch_size: images in a batch.
            options: of the engine.
        """
        seed = self.case.seed if seed is None else seed
        info = self.planar_info() if planar else self._info_of(self.config)
        game = game or self.game(seed=seed, info=info)
        rounds = max(len(game.rounds(iteration)) for iteration in range(SURVEYED))
        domains = self._planar(game.needs, info) if planar else self._domains(game.needs)
        batcher = ResidentBatcher(
            domains,
            info=info,
            batch_size=batch_size,
            seed=seed,
            device=CPU,
            paired=game.needs.paired,
            rounds=max(rounds * SPAN, _ROUNDS),
        )
        return Engine(game, batcher, seed=seed, device=CPU, **options)

    def planar_info(self) -> DataInfo:
        """What is known of the points of the plane, in images of the case's shape."""
        classes = tuple(str(index) for index in range(len(CENTRES)))
        return replace(self._info_of(self.config), name="gaussians", classes=classes, sizes=(("train", SIZE),))

    def given(self, engine: Engine, n: int) -> Batch | None:
        """What outputs start from where a game translates between domains: ``n`` images of its first one."""
        first, *others = engine.game.needs.domains
        if not others:
            return None
        engine.prepare(engine.plans(1))
        images = engine.batcher.draw()[first]
        return Batch({first: images.repeat(-(-n // len(images)), 1, 1, 1)[:n]})

    def given_points(self, domain: str, points: Tensor) -> Batch:
        """Points (N, 2) as images of ``domain``, for a game to translate."""
        return Batch({domain: normalise(paint(points, self.planar_info().shape))})

    def _build(self, config: RunConfig, info: DataInfo, seed: int | None = None) -> Game:
        seed_global(self.case.seed if seed is None else seed)
        return build_game(config, info).train()

    def _info_of(self, config: RunConfig) -> DataInfo:
        return find_source(config.data).info

    @functools.cached_property
    def _images(self) -> ImageSet:
        """Some images of the data, in the shape that the networks take."""
        images = find_source(self.config.data).load("train")
        labels = None if images.labels is None else images.labels[:_IMAGES]
        return ImageSet(images.images[:_IMAGES], labels)

    def _domains(self, needs: DataNeeds) -> dict[str, ImageSet]:
        """The images; further domains hold their negatives, in the same order."""
        first, *others = needs.domains
        images = self._images
        return {first: images} | {name: ImageSet(255 - images.images) for name in others}

    def _planar(self, needs: DataNeeds, info: DataInfo) -> dict[str, ImageSet]:
        """Points of three Gaussians as images; further domains hold them mirrored at the origin."""
        points, labels = draw_points(SIZE, generator(self.case.seed, "points"))
        first, *others = needs.domains
        domains = {first: ImageSet(paint(points, info.shape), labels)}
        return domains | {name: ImageSet(paint(-points, info.shape)) for name in others}


def distinct_plans(game: Game) -> list[Plan]:
    """The plans of the first iterations, each once."""
    return list(dict.fromkeys(game.rounds(iteration) for iteration in range(SURVEYED)))


def play_plan(engine: Engine, plan: Plan) -> None:
    """Play one iteration of ``plan`` in the reference tier, whichever is due; the engine's count stands still."""
    engine.prepare((plan,))
    engine.cycle.play(plan)


def play(engine: Engine, iterations: int) -> Snapshot:
    """All state after ``iterations`` more."""
    until = engine.iteration + iterations
    while engine.iteration < until:
        engine.iterate(until - engine.iteration)
    return Snapshot(engine)


def differences(one: Snapshot, other: Snapshot) -> list[str]:
    """The names of all state that is not the same to the bit, weights and buffers first."""
    ours, theirs = one.flat(), other.flat()
    names = [name for name in ours if name not in theirs or not _same(ours[name], theirs[name])]
    names += [name for name in theirs if name not in ours]
    return names + [f"values/{name}" for name, value in one.values.items() if value != other.values[name]]


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one.nan_to_num(), other.nan_to_num())


def some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
