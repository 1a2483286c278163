"""Repeating: one seed, one result; and a run that goes on from what was saved."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from ganzoo.testing.lab import Lab, differences, play, some
from ganzoo.testing.places import of_type
from ganzoo.testing.report import FaultError
from ganzoo.training.checkpoint import load_checkpoint, save_checkpoint
from ganzoo.training.engine.snapshot import Snapshot
from ganzoo.training.seeding import seed_global

BEFORE, AFTER = 4, 4
"""Iterations before and after the save."""


def determinism(lab: Lab) -> None:
    """Play twice from one seed and once from another."""
    one, two, other = (_played(lab, seed) for seed in (lab.case.seed, lab.case.seed, lab.case.seed + 1))
    where = of_type(lab.game())
    if names := differences(one, two):
        raise FaultError(
            f"two runs of one seed differ in {some(names)}",
            where=where,
            fix="draw from turn.rng alone, and keep no state outside of the game, such as in a global",
        )
    ours, theirs = (lab.game(seed=seed).state_dict() for seed in (lab.case.seed, lab.case.seed + 1))
    weights = [name for name in ours if not torch.equal(ours[name], theirs[name])]
    if not weights or not differences(one, other):
        raise FaultError(
            "two runs of different seeds begin with the same weights", where=where, fix="take every manual_seed out"
        )


def _played(lab: Lab, seed: int) -> Snapshot:
    engine = lab.engine(seed=seed, ema=0.9)
    seed_global(seed)
    return play(engine, BEFORE)


def resume(lab: Lab) -> None:
    """Compare N + M iterations with N, a checkpoint, a game built from another seed, and M."""
    seed = lab.case.seed
    engine = lab.engine(ema=0.9)
    seed_global(seed)
    play(engine, BEFORE)
    with tempfile.TemporaryDirectory() as folder:
        saved = save_checkpoint(Path(folder), engine.iteration, engine.tensors(), engine.values())
        expected = play(engine, AFTER)
        tensors, values = load_checkpoint(saved)
    # Other weights and buffers to begin with, so that what was not saved shows; the order of the data is the seed's.
    fresh = lab.engine(game=lab.game(seed=seed + 1), ema=0.9)
    fresh.restore(tensors, values)
    if names := differences(expected, play(fresh, AFTER)):
        raise FaultError(
            f"{BEFORE} + {AFTER} iterations differ from {BEFORE}, a checkpoint and {AFTER} in {some(names)}",
            where=of_type(engine.game),
            fix="keep all state that moves in buffers (register_buffer, persistent), and move them in place",
        )
