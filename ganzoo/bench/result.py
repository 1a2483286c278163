"""What a benchmark found: the file format, version 1, with every raw sample and all that a figure depends on.

The models below are the schema; ``docs/bench-schema.json`` is made from them (a test holds the two together). A reader
of another version is refused by name, and unknown keys are refused, so that a figure is never read as something else.
Free of torch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from ganzoo.durable import replace_json
from ganzoo.errors import ConfigError
from ganzoo.validation import format_validation_error

FORMAT: Literal["ganzoo-bench"] = "ganzoo-bench"
VERSION: Literal[1] = 1


class Record(BaseModel):
    """Base of everything in a result: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Figure(Record):
    """A median over blocks, and its 95 % interval."""

    median: float
    """The median."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""


class Origin(Record):
    """Which installed package supplies a variant."""

    distribution: str
    """Its name."""
    version: str
    """Its version."""
    editable: bool = False
    """Whether it runs from a checkout, so that the version alone does not tell what it was."""
    module: str = ""
    """The plugin module."""
    source: str = "wheel"
    """wheel, editable or vcs."""
    revision: str | None = None
    """The commit of a vcs installation."""


class Block(Record):
    """One timed block of iterations."""

    seconds: float
    """By the wall's clock, from a device that had nothing to do to one that has nothing to do again."""
    device_seconds: float | None = None
    """Between two CUDA events around the same work."""
    cpu_seconds: float = 0.0
    """Processor time of the process, all threads."""
    lead_cpu_seconds: float = 0.0
    """The same of the iterations before it, which are not timed: they fill the caches again."""
    minor_faults: int | None = None
    """Page faults that were served from memory."""
    major_faults: int | None = None
    """Page faults that were served from a disk."""
    millijoules: float | None = None
    """Energy of the GPU, by NVML's counter."""


class ColdStart(Record):
    """Seconds from the start of a process to its first iteration, part by part."""

    imports: float
    """Starting Python, and importing torch and ganzoo."""
    data: float
    """Finding, proving and loading the images."""
    build: float
    """Networks, optimizers and the moving average."""
    prepare: float
    """Choosing the tier: its gate, its compilation and its capture."""
    first: float
    """The first iteration, which touches memory and lets libraries choose their kernels."""

    @property
    def total(self) -> float:
        """All of it."""
        return self.imports + self.data + self.build + self.prepare + self.first


class WarmUp(Record):
    """What ran before the first timed block."""

    iterations: int
    """How many, the first one included."""
    seconds: float
    """How long they took."""
    settled: bool
    """Whether the last two windows were equally fast."""


class Memory(Record):
    """Peaks, in bytes."""

    process: int | None = None
    """Resident size of the process."""
    allocated: int | None = None
    """Of tensors on the GPU."""
    reserved: int | None = None
    """Held by torch's allocator on the GPU."""


class Gauges(Record):
    """The state of the machine at one moment."""

    load: list[float] | None = None
    """Processes that wanted to run, over 1, 5 and 15 minutes."""
    sm_clock_mhz: int | None = None
    """Clock of the GPU's processors."""
    memory_clock_mhz: int | None = None
    """Clock of the GPU's memory."""
    temperature_c: int | None = None
    """Temperature of the GPU."""
    power_watts: float | None = None
    """What the GPU draws."""
    throttled: list[str] = []
    """Why the GPU runs below its clock, in NVML's words."""


class Contender(Record):
    """A variant under one tier, precision and batch size, or the plain loop beside it, and its blocks."""

    name: str
    """What tables call it."""
    variant: str
    """The variant."""
    kind: Literal["ganzoo", "plain"]
    """ganzoo's engine, or the loop that everybody copies."""
    origin: Origin
    """Who supplies the variant."""
    config: dict[str, Any]
    """The resolved config of the run."""
    config_sha256: str
    """Its digest."""
    batch_size: int
    """Images in a batch."""
    engine: str
    """The tier that was asked for."""
    tier: str
    """The tier that ran."""
    choice: dict[str, Any] | None = None
    """Why no higher tier ran, and what the parity gate found."""
    precision: str
    """The arithmetic."""
    settings: dict[str, Any]
    """Threads, allocator and the like."""
    images_per_iteration: int
    """Real images that an iteration draws."""
    iterations_per_block: int
    """Iterations in a block."""
    cold_start: ColdStart
    """From the start of the process to the first iteration."""
    warm_up: WarmUp
    """What ran before the first block."""
    blocks: list[Block]
    """Every block, in the order of the contest."""
    iteration_seconds: list[float]
    """Each iteration of a pass of its own, timed one by one; the blocks, where each was one iteration."""
    memory: Memory
    """Peaks."""
    flops_per_image: dict[str, float] | None = None
    """Arithmetic of an iteration over its images, by precision; a multiplication and an addition are two."""
    finite: bool
    """Whether all weights were finite at the end; a training that broke may run at another speed."""
    images_per_second: Figure
    """Over the blocks."""
    p50_seconds: float
    """Median time of an iteration."""
    p95_seconds: float
    """Time of an iteration that 19 of 20 do not exceed."""
    times_as_fast_as_plain: Figure | None = None
    """Paired over blocks; None for the plain loop, and where none ran."""
    utilisation: float | None = None
    """Model FLOPs utilisation: the time that the arithmetic takes at the measured peaks over the time that it took."""
    joules_per_image: float | None = None
    """Energy of the GPU over the images of all blocks."""
    cpu_seconds_per_image: float = 0.0
    """Processor time over the images of all blocks."""
    noise: list[str] = []
    """Why the figures are to be taken with caution; empty where nothing was found."""


class Measured(Record):
    """Base of what was measured at one time: with which code, and on what."""

    git: dict[str, Any] | None = None
    """Commit of the code when it began, and whether that was changed since; None outside a repository."""
    environment: dict[str, Any] = {}
    """Machine and software."""


class Contest(Measured):
    """Contenders that ran in turns, in fresh processes, on one device."""

    device: str
    """cpu, cuda:N or mps."""
    batch_size: int
    """Images in a batch."""
    peaks: dict[str, float | None] = {}
    """FLOP/s by precision and bytes/s, measured on the device during the contest."""
    before: Gauges
    """The machine before it."""
    after: Gauges
    """The machine after it."""
    busy_elsewhere: float | None = None
    """Cores that other programs kept busy on average while the blocks ran."""
    contenders: list[Contender]
    """In the order of their turns."""


class Point(Record):
    """One evaluation during a training; the figures stand beside these under their own names."""

    model_config = ConfigDict(frozen=True, extra="allow", use_attribute_docstrings=True)

    step: int
    """Iterations so far."""
    images: int
    """Real images drawn so far."""
    seconds: float
    """Training so far, without evaluations."""
    evaluation_seconds: float
    """What this evaluation took."""

    def figure(self, name: str) -> float | None:
        """The figure called ``name``; None where it was not asked for."""
        value = (self.model_extra or {}).get(name)
        return None if value is None else float(value)


class Training(Measured):
    """A whole training, judged along the way and at its end."""

    variant: str
    """The variant."""
    seed: int
    """Its seed."""
    config: dict[str, Any]
    """The resolved config."""
    origins: dict[str, Origin]
    """Who supplies variant and backbone."""
    engine: dict[str, Any]
    """The tier that ran, why no higher one, precision, threads, allocator."""
    images: int
    """Real images drawn."""
    iterations: int
    """Iterations played."""
    startup_seconds: float | None = None
    """From before the data was touched to the first iteration; None where that was not recorded."""
    training_seconds: float
    """Iterations alone."""
    cpu_seconds: float | None = None
    """Processor time of all sessions; None where one was killed and could not tell its own."""
    sessions: int
    """1, or more where it was interrupted."""
    together: int | None = None
    """Trainings that shared the machine, this one included; None where that was not recorded."""
    peak_memory_bytes: int | None = None
    """Largest resident size of the process."""
    best: dict[str, Any] | None = None
    """The best snapshot."""
    curve: list[Point]
    """The evaluations during training."""
    evaluation: dict[str, Any]
    """What ``ganzoo eval`` said of the finished run, extractor, sample count and floor included."""
    samples_png: str | None = None
    """The first samples, a PNG in base64."""

    def seconds_at(self, point: Point) -> float:
        """The clock at an evaluation: start-up and training, without evaluations."""
        return point.seconds + (self.startup_seconds or 0.0)


class Failure(Record):
    """Something that was asked for and did not run."""

    what: str
    """Which contender or training."""
    reason: str
    """Why."""


class Result(Record):
    """A whole benchmark."""

    format: Literal["ganzoo-bench"] = FORMAT
    """Says what this file is."""
    version: Literal[1] = VERSION
    """Of the format."""
    suite: dict[str, Any]
    """The suite, with the options of the command line laid over it."""
    started: str
    """ISO 8601, UTC."""
    git: dict[str, Any] | None = None
    """Commit of the code, and whether it was changed since; None outside a repository."""
    environment: dict[str, Any]
    """Machine and software."""
    contests: list[Contest] = []
    """Throughput."""
    trainings: list[Training] = []
    """Quality."""
    failures: list[Failure] = []
    """What did not run, and why."""

    def parts(self) -> list[Measured]:
        """All that was measured at one time each."""
        return [*self.contests, *self.trainings]

    def contenders(self) -> list[Contender]:
        """Of all contests."""
        return [contender for contest in self.contests for contender in contest.contenders]

    def by_variant(self) -> dict[str, list[Training]]:
        """The trainings of each variant, in the order of the suite."""
        found: dict[str, list[Training]] = {}
        for training in self.trainings:
            found.setdefault(training.variant, []).append(training)
        return found


def write_result(path: Path, result: Result) -> None:
    """Write ``result`` to ``path`` at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_json(path, result.model_dump(mode="json", exclude_none=True))


def read_result(path: Path) -> Result:
    """The result in the file ``path``.

    Raises:
        ConfigError: the file is missing, is no result, is of another version, or does not follow the schema.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the result {path}: {error.strerror or error}") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no JSON: {error}") from None
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise ConfigError(f"{path} is no result of ganzoo bench", fix="name the results.json that it wrote")
    if raw.get("version") != VERSION:
        raise ConfigError(f"{path} has version {raw.get('version')!r} of the format; this ganzoo reads {VERSION}")
    try:
        return Result.model_validate(raw)
    except ValidationError as error:
        raise format_validation_error(error, Result, source=str(path)) from None


def schema() -> dict[str, Any]:
    """The JSON schema of a result."""
    return Result.model_json_schema(mode="serialization")
