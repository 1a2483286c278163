"""What a contender is, as data that a fresh process can be told. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ganzoo.config import RunConfig, make_config
from ganzoo.registry import registry

from .suite import Suite, Throughput

_LONG = 1_000_000
"""Iterations that a timed run is taken to have, so that it is set up as a long one is."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A contender: what it trains, and how.

    Attributes:
        kind: ganzoo's engine, or the plain loop.
        config: of the run, as plain values.
        seconds: length of a block.
    """

    kind: Literal["ganzoo", "plain"]
    config: dict[str, Any]
    seconds: float

    @property
    def name(self) -> str:
        """What tables call it; unique in a contest."""
        training = self.config["training"]
        how = "plain" if self.kind == "plain" else f"{training['precision']} {training['engine']}"
        return f"{self.config['variant']} {how}"

    def resolved(self) -> RunConfig:
        """The config, checked."""
        return make_config(self.config)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the process that runs it."""
        return asdict(self)

    def described(self) -> dict[str, Any]:
        """What is known of the contender before it runs, by the names of a result."""
        config = self.resolved()
        return {
            "name": self.name,
            "variant": config.variant,
            "kind": self.kind,
            "origin": registry().variant(config.variant).origin.as_dict(),
            "config": config.to_dict(),
            "config_sha256": config.digest(),
            "batch_size": config.training.batch_size,
            "engine": config.training.engine,
        }


def jobs(suite: Suite, batch_size: int, device: str) -> list[Job]:
    """The contenders of the contest at ``batch_size``: for each variant the plain loop, then ganzoo's.

    Raises:
        ConfigError: a config that does not fit.
    """
    speed = suite.throughput
    assert speed is not None
    found: list[Job] = []
    for variant in suite.variants:
        training = {"batch_size": batch_size, "device": device, "seed": suite.seeds[0], "steps": _LONG}
        if speed.baseline:
            found.append(_job(suite, variant, speed, {**training, "engine": "eager", "precision": "fp32"}, "plain"))
        found += [
            _job(suite, variant, speed, {**training, **_how(suite, variant, engine, precision)}, "ganzoo")
            for precision in speed.precisions
            for engine in speed.engines
        ]
    return found


def _job(
    suite: Suite, variant: str, speed: Throughput, training: Mapping[str, Any], kind: Literal["ganzoo", "plain"]
) -> Job:
    raw = suite.raw_config(variant, training)
    for name in ("epochs", "images", "minutes"):  # the budget of a timed run is its own
        raw["training"].pop(name, None)
    return Job(kind=kind, config=make_config(raw).to_dict(), seconds=speed.seconds)


def _how(suite: Suite, variant: str, engine: str, precision: str) -> dict[str, str]:
    """Tier and arithmetic; those of the suite's common part where the table [throughput] leaves the choice open."""
    fixed = suite.raw_config(variant, {})["training"]
    own = {"engine": engine, "precision": precision}
    return {name: fixed.get(name, value) if value == "auto" else value for name, value in own.items()}
