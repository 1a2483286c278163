"""Engines on batches that live in tensors alone, played by any tier, and what differs between two of them."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.data.batcher import Batcher
from ganzoo.data.resident import ResidentBatcher
from ganzoo.game import DataNeeds, Game
from ganzoo.training.engine import Engine
from ganzoo.training.engine.snapshot import Snapshot
from ganzoo.training.engine.tiers import Tier
from ganzoo.training.seeding import seed_global

from . import games
from .networks import CLASSES, SHAPE

SIZE = 24


def make_batcher(needs: DataNeeds, *, rounds: int = 64) -> ResidentBatcher:
    """Random images. Unlike ToyBatcher it keeps no count in Python, so its draws can be recorded."""
    rng = torch.Generator().manual_seed(1)
    domains: dict[str, Tensor] = {
        domain: torch.randint(256, (SIZE, *SHAPE), generator=rng, dtype=torch.uint8) for domain in needs.domains
    }
    labels = torch.arange(SIZE) % CLASSES if needs.labels else None
    return ResidentBatcher.from_tensors(domains, labels, batch_size=4, rounds=rounds)


def make_engine(
    game: str | Game,
    *,
    batcher: Batcher | None = None,
    precision: str = "fp32",
    ema: float = 0.9,
    accumulate: int = 1,
) -> Engine:
    """An engine of a toy game, by name or ready-made; the same one at every call."""
    built = (games.build(game) if isinstance(game, str) else game).train()
    seed_global(0)
    return Engine(
        built,
        batcher or make_batcher(built.needs),
        seed=0,
        device=torch.device("cpu"),
        precision=precision,
        ema=ema,
        accumulate=accumulate,
    )


def play(engine: Engine, iterations: int, tier: Tier | None = None) -> Snapshot:
    """All state after ``iterations`` more, by ``tier`` or by the one that is set."""
    engine.tier = tier or engine.tier
    until = engine.iteration + iterations
    while engine.iteration < until:
        engine.iterate(until - engine.iteration)
    return Snapshot(engine)


def differences(left: Snapshot, right: Snapshot) -> list[str]:
    """The names of all tensors and values that are not the same to the bit."""
    ours, theirs = left.flat(), right.flat()
    assert ours.keys() == theirs.keys()
    names = [name for name, tensor in ours.items() if not torch.equal(tensor, theirs[name])]
    return names + [f"values/{name}" for name, value in left.values.items() if value != right.values[name]]
