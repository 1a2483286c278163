"""Whether a variant learns anything, in seconds: three Gaussians in the plane, against a frozen generator.

The images are those of :mod:`ganzoo.testing.planar`, the options are the variant's own. Every 60 iterations the energy
distance of 512 samples to the data is measured; twice in a row below half of the control's is a pass, with one seed of
three. The control is
the same run with the exported network's weights put back after each iteration, which leaves it its batch statistics.
"""

from __future__ import annotations

import torch

from ganzoo.game import GAN
from ganzoo.testing.checks.direction import Change
from ganzoo.testing.lab import Lab
from ganzoo.testing.places import of_type
from ganzoo.testing.planar import draw_points, energy_distance, read_points
from ganzoo.testing.report import FaultError, NotApplicableError
from ganzoo.training.engine import Engine
from ganzoo.training.seeding import generator, seed_global

EVERY = 60
FROZEN = 40
"""Iterations of the control, enough for the running statistics of batch norm."""
SAMPLES = 512
SHARE = 0.5
"""Of the control's distance, what a variant that learns is below."""
SEEDS = 3
"""Tries, for a sound variant may collapse onto a point from some weights."""


def learning(lab: Lab) -> None:
    """Train on three Gaussians, and compare with a frozen generator."""
    for seed in range(lab.case.seed, lab.case.seed + SEEDS):
        distances, control, steps = measure(lab, seed)
        if learnt(distances, control):
            return
    raise FaultError(
        f"with none of {SEEDS} seeds the energy distance to three Gaussians was twice under half of the control's: "
        f"with the last it fell to {min(distances):.3f} in {steps} iterations and ended at {distances[-1]:.3f}; "
        f"with a frozen generator, the control, it is {control:.3f}",
        where=of_type(lab.game()),
        fix="look at direction and gradients first; a slow recipe gets more with Case(..., learning_steps=...)",
    )


def learnt(distances: list[float], control: float) -> bool:
    """Whether the last two distances are below their share of the control's."""
    return len(distances) > 1 and max(distances[-2:]) < SHARE * control


def measure(lab: Lab, seed: int | None = None, change: Change = lambda engine: None) -> tuple[list[float], float, int]:
    """The distances as training went on, the control's, and the number of iterations.

    Args:
        lab: of the case.
        seed: in place of the case's.
        change: is given each engine before it plays, to break what it likes.

    Raises:
        NotApplicableError: the game's images cannot be compared with the data.
    """
    engines = [_engine(lab, seed) for _ in range(2)]
    for engine in engines:
        change(engine)
    control = _frozen(lab, engines[0])
    engine, distances = engines[1], [float("inf")]
    seed_global(lab.case.seed)
    while engine.iteration < lab.case.learning_steps and not learnt(distances, control):
        for _ in range(min(EVERY, lab.case.learning_steps - engine.iteration)):
            engine.iterate()
        distances.append(_distance(lab, engine))
    return distances[1:], control, engine.iteration


def _engine(lab: Lab, seed: int | None) -> Engine:
    game = lab.game(seed=seed, info=lab.planar_info())
    if isinstance(game, GAN) and game.discriminator.energy:
        raise NotApplicableError(
            "its discriminator is an autoencoder, which reconstructs any two brightnesses as well as those of the data"
        )
    if len(game.needs.domains) > 2:
        raise NotApplicableError(f"it has {len(game.needs.domains)} domains, so what it makes is not known")
    return lab.engine(seed=seed, game=game, planar=True, batch_size=lab.case.batch_size)


def _frozen(lab: Lab, engine: Engine) -> float:
    weights = [(weight, weight.detach().clone()) for weight in engine.game.exported().parameters()]
    seed_global(lab.case.seed)
    for _ in range(FROZEN):
        engine.iterate()
        with torch.no_grad():
            for weight, kept in weights:
                weight.copy_(kept)
    return _distance(lab, engine)


def _distance(lab: Lab, engine: Engine) -> float:
    """Between samples and points of the domain that the game makes: its last one."""
    rng = generator(lab.case.seed, "learning")
    points, _ = draw_points(SAMPLES, generator(lab.case.seed, "held out"))
    first, *others = engine.game.needs.domains
    given = lab.given_points(first, points) if others else None
    made = engine.game.generate(engine.game.exported(), engine.game.request(SAMPLES, rng, given), rng)
    return energy_distance(read_points(made), -points if others else points)
