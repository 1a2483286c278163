"""What a benchmark runs: a TOML file of ganzoo's or of the user's, with the options of the command line laid over it.

Free of torch.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from ganzoo.config import find_specs, make_config, overlay, read_config, validate
from ganzoo.data.catalog import find_source
from ganzoo.errors import ConfigError, UnknownNameError
from ganzoo.metrics.options import split_names
from ganzoo.metrics.plan import find_metrics, plan_for_run
from ganzoo.options import Count, Options, Positive
from ganzoo.registry import registry

BUILTIN = Path(__file__).parent / "suites"
"""The suites that come with ganzoo, one file each."""

Engine = Literal["auto", "eager", "compile", "graph", "graph+compile"]
Precision = Literal["auto", "fp32", "tf32", "bf16"]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class Throughput(Options):
    """How speed is measured."""

    batch_sizes: tuple[Count, ...] = (64,)
    """Images in a batch; a contest for each."""
    engines: tuple[Engine, ...] = ("auto",)
    """Tiers, a contender each."""
    precisions: tuple[Precision, ...] = ("auto",)
    """Arithmetics, a contender each."""
    baseline: bool = True
    """Run the loop that everybody copies beside each variant."""
    blocks: Annotated[int, Field(ge=2, le=10_000)] = 10
    """Timed blocks of each contender."""
    seconds: Positive = 1.0
    """Length of a block."""


class Quality(Options):
    """How quality is measured: whole trainings, judged along the way."""

    images: Count | None = None
    """Train on this many images."""
    minutes: Positive | None = None
    """Train for this long instead."""
    evaluations: Count = 5
    """Times that a training is judged along the way, at equal distances."""
    curve: str = "fid,kid,density-coverage"
    """Metrics of these."""
    metrics: str = "fid,kid,density-coverage,mode-count,memorisation"
    """Metrics of the finished run."""

    @model_validator(mode="after")
    def _one_budget(self) -> Quality:
        if (self.images is None) == (self.minutes is None):
            raise ValueError("quality: give images or minutes, one of the two")
        return self

    @field_validator("curve", "metrics")
    @classmethod
    def _known(cls, names: str) -> str:
        try:
            find_metrics([name.strip() for name in names.split(",")])
        except UnknownNameError as error:
            raise ValueError(error.problem) from None
        return names


class Suite(Options):
    """A benchmark as data."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    """Names the folder and the file of the results."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0,)
    """Seeds of the trainings; speed is measured with the first one."""
    common: dict[str, Any] = Field(default_factory=dict)
    """What all runs share, in the form of a run's config."""
    variants: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """The variants, each with what it changes of its own defaults; every installed one if there are none."""
    throughput: Throughput | None = None
    """How speed is measured; not at all without it."""
    quality: Quality | None = None
    """How quality is measured; not at all without it."""

    @model_validator(mode="after")
    def _measures_something(self) -> Suite:
        if self.throughput is None and self.quality is None:
            raise ValueError("the suite measures nothing; add a table [throughput] or [quality]")
        return self

    def digest(self) -> str:
        """SHA-256 of the suite, hex; two benchmarks with the same one asked for the same."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without those that are None."""
        return self.model_dump(mode="json", exclude_none=True)

    def raw_config(self, variant: str, training: Mapping[str, Any]) -> dict[str, Any]:
        """The config of a run of ``variant``, before its defaults are filled in."""
        raw = overlay(self.common, self.variants[variant])
        return overlay(raw, {"variant": variant, "training": training})


def read_suite(name: str) -> Suite:
    """The suite called ``name``, or in the file of that name.

    Raises:
        UnknownNameError: neither one of ganzoo's suites nor a TOML file.
        ConfigError: the file does not fit.
    """
    path = Path(name) if name.endswith(".toml") else BUILTIN / f"{name}.toml"
    if not path.is_file() and not name.endswith(".toml"):
        known = sorted(each.stem for each in BUILTIN.glob("*.toml"))
        raise UnknownNameError.of("suite", name, known, fix="name one of these, or a file that ends in .toml")
    return validate(Suite, read_config(path), source=str(path))


def choose_variants(suite: Suite, chosen: Sequence[str]) -> Suite:
    """``suite`` with the variants ``chosen`` on the command line, else its own, else every installed one.

    Raises:
        UnknownNameError, PluginError: a variant that is not installed or cannot be used.
        ConfigError: a config that does not fit; nothing has run.
    """
    names = list(dict.fromkeys(chosen or suite.variants or sorted(registry().variants())))
    if not names:
        raise ConfigError("no variant is installed, so there is nothing to measure", fix='pip install "ganzoo[zoo]"')
    for name in names:
        find_specs(name)
    suite = suite.model_copy(update={"variants": {name: suite.variants.get(name, {}) for name in names}})
    for name in names:
        data = make_config(suite.raw_config(name, {}), source=f"suite {suite.name}, variant {name}").data
        find_source(data)
        if suite.quality:  # else a finished training could turn out to have no such figure
            plan = plan_for_run(data, None, metrics=split_names(suite.quality.metrics, "quality.metrics"))
            try:
                plan.check(plan.samples)
            except ConfigError as error:
                fix = "take a suite file (--suite FILE.toml) whose [quality] metrics leave it out"
                raise ConfigError(f"suite {suite.name}: {error.problem}", fix=fix) from None
    return suite


def parse_budget(text: str) -> dict[str, float | int]:
    """``60s``, ``10m``, ``1h``, ``2M-images`` or ``500k-images`` as the option of :class:`Quality` that it sets.

    Raises:
        ConfigError: another form.

    >>> parse_budget("2M-images"), parse_budget("90s")
    ({'images': 2000000}, {'minutes': 1.5})
    """
    number = r"(\d+(?:\.\d+)?|\.\d+)"
    if found := re.fullmatch(rf"{number}(s|m|min|h)", text):
        amount = float(found[1]) * {"s": 1 / 60, "m": 1, "min": 1, "h": 60}[found[2]]
        if amount > 0:
            return {"minutes": amount}
    if found := re.fullmatch(rf"{number}([kM]?)-images", text):
        images = round(float(found[1]) * {"": 1, "k": 1_000, "M": 1_000_000}[found[2]])
        if images > 0:
            return {"images": images}
    problem = f"--budget {text!r} is neither a time nor a number of images"
    raise ConfigError(problem, choices=["60s", "10m", "2M-images", "500k-images"])
