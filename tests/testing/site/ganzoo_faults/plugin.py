"""What the package declares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, field_validator

from ganzoo.options import Options
from ganzoo.registry import DatasetSpec, Paper, VariantSpec, hookimpl

PAPER = Paper(authors="Nobody", year=2020, title="Nothing")

FAULTS = {
    "flipped-generator": "direction",
    "flipped-discriminator": "direction",
    "flipped-critic": "direction",
    "flipped-critics-generator": "direction",
    "flipped-energy": "direction",
    "item": "syncs",
    "if": "syncs",
    "mask": "syncs",
    "counter": "constant",
    "list-pool": "constant",
    "float-schedule": "constant",
    "counter-again": "replay",
    "list-pool-again": "replay",
    "lost-state": "resume",
    "plain-tensor": "resume",
    "global-state": "determinism",
    "seeds-in-build": "randomness",
    "seeds-in-step": "randomness",
    "seeded-alike": "determinism",
    "own-randomness": "randomness",
    "python-randomness": "randomness",
    "numpy-randomness": "randomness",
    "unused": "gradients",
    "nobodys": "gradients",
    "detached": "gradients",
    "moves-others": "gradients",
    "calls-backward": "gradients",
    "no-tanh": "images",
    "wrong-size": "images",
    "half": "images",
    "stays-in-eval": "images",
    "wrong-scores": "scores",
    "secretly-mixes": "scores",
    "positive-energy": "scores",
    "nan": "finite",
    "overflow": "finite",
    "impure-rounds": "build",
    "unknown-player": "build",
    "hidden-weights": "build",
    "needs-values": "build",
    "raises": "build",
    "frozen": "learning",
    "collapsed": "learning",
    "vector-term": "finite",
}
"""By name, the check that must catch it."""

TOYS = (
    *("vanilla", "conditional", "critic", "clipped", "relativistic", "energy", "lazy", "info", "auxiliary"),
    *("orthogonal", "autoencoder", "cycle", "growing"),
)


class Drifting(Options):
    """A validator that changes what it made before."""

    rate: float = 0.5
    """Halved at each reading."""

    @field_validator("rate", mode="after")
    @classmethod
    def _halve(cls, value: float) -> float:
        return value / 2


class Silent(Options):
    """An option without a sentence."""

    rate: float = 0.5


class Boundless(Options):
    """A validator goes round the bounds."""

    rate: Annotated[float, Field(ge=0.0)] = 0.5
    """Clamped in silence."""

    @field_validator("rate", mode="before")
    @classmethod
    def _clamp(cls, value: float) -> float:
        return max(value, 0.0)


class Lax(Options, extra="ignore"):
    """Unknown keys pass."""

    rate: float = 0.5
    """Something."""


class Unwritable(Options):
    """An option that TOML cannot hold."""

    pair: tuple[int | None, ...] = (None, 1)
    """Numbers, or nothing."""


class Clashing(Options):
    """An option called like one of every run."""

    workers: int = 2
    """Something."""


class Heavy(Options):
    """Asks torch before anything is built."""

    threads: int = 1
    """Something."""

    @field_validator("threads", mode="after")
    @classmethod
    def _limit(cls, value: int) -> int:
        import torch

        return min(value, torch.get_num_threads())


OPTIONS: dict[str, type[Options]] = {
    "drifting": Drifting,
    "silent": Silent,
    "boundless": Boundless,
    "lax": Lax,
    "unwritable": Unwritable,
    "clashing": Clashing,
}


def variant(name: str, builder: str, options: type[Options] = Options) -> VariantSpec:
    return VariantSpec(name=name, summary=name, builder=builder, options=options, backbone=None, paper=PAPER)


@hookimpl
def ganzoo_variants() -> Sequence[VariantSpec]:
    faults = [variant(f"fault-{name}", f"ganzoo_faults.faults:{name.replace('-', '_')}") for name in FAULTS]
    toys = [variant(f"toy-{name}", f"ganzoo_faults.games:{name}") for name in TOYS]
    odd = [
        variant(f"fault-{name}", "ganzoo_faults.games:vanilla", options)
        for name, options in (OPTIONS | {"heavy": Heavy}).items()
    ]
    return [*faults, *toys, *odd]


@hookimpl
def ganzoo_datasets() -> Sequence[DatasetSpec]:
    return [DatasetSpec(name="toy-images", summary="4 x 4 pixels in three classes", builder="ganzoo_faults.data:Toys")]
