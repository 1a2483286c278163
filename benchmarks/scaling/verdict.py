"""Whether memory and time stayed flat: limits, and the figures that are held against them. Free of torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

MIB = 1 << 20
GROWTH = 32.0
"""MiB by which the memory of a process may grow."""
SLOWDOWN = 1.25
"""Time per image, as a multiple of what it was."""
PER_FILE = 256.0
"""Bytes that a process may take for each file more: its path, its label, and what the allocator keeps of them."""
OBJECTS = 1000.0
"""Python objects that may be added."""
KEPT = 2.0
"""Checkpoints that a run keeps."""

WARM = 100_000
"""Images after which a run is warm: the last mark up to here is what later ones are compared with."""
_WINDOWS = 50

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Check:
    """A figure and its limit.

    Attributes:
        what: is compared with what.
        value: the figure; None if it was not measured.
        limit: the most that passes.
        unit: of both.
    """

    what: str
    value: float | None
    limit: float
    unit: str

    @property
    def passed(self) -> bool:
        """Whether the figure was measured and is within its limit."""
        return self.value is not None and self.value <= self.limit

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "passed": self.passed}


def length_checks(case: Record) -> list[Check]:
    """The last mark of a long training against the last one up to 100,000 images, else its first one."""
    marks, asked = case["marks"], case["asked_marks"]
    wanted = [reference(asked), asked[-1]]
    early, late = (next((mark for mark in marks if mark["images"] >= images), None) for images in wanted)
    span = f"{wanted[0]:,} to {wanted[1]:,} images"
    have = early is not None and late is not None

    def check(what: str, key: str, limit: float, unit: str, scale: float = 1.0) -> Check:
        value = (late[key] - early[key]) / scale if early and late else None
        return Check(f"{what}, {span}", value, limit, unit)

    def slower(what: str, key: str) -> Check:
        times = [per_image([case["windows"]], mark["images"], key) for mark in (early, late) if mark]
        return Check(f"{what}, {span}", times[1] / times[0] if have else None, SLOWDOWN, "x")

    return [
        check("memory", "resident_bytes", GROWTH, "MiB", MIB),
        check("peak of memory", "peak_bytes", GROWTH, "MiB", MIB),
        check("Python objects", "objects", OBJECTS, ""),
        check("open files", "open_files", 0.0, ""),
        slower("time per image", "seconds"),
        slower("cpu time per image", "cpu_seconds"),
        Check("checkpoints kept", late["checkpoints"] if late else None, KEPT, ""),
    ]


def size_checks(cases: Sequence[Record], files: Sequence[int], workers: Sequence[int]) -> list[Check]:
    """The largest folder against the smallest one, and against the data set in memory."""
    small, large = min(files), max(files)
    checks: list[Check] = []
    for count in workers if small < large else ():
        pair = [chosen(cases, files=size, workers=count) for size in (small, large)]
        checks += _folder_checks(*pair, more=large - small, where=f"{small:,} to {large:,} files, {count} workers")
    at_home = chosen(cases, files=0)
    away = [case for count in workers for case in chosen(cases, files=large, workers=count)]
    return [*checks, Check(f"memory, in memory to {large:,} files", _growth(at_home, away, MIB), GROWTH, "MiB")]


def _folder_checks(few: Sequence[Record], many: Sequence[Record], *, more: int, where: str) -> Iterator[Check]:
    yield Check(f"memory, {where}", _growth(few, many, more), PER_FILE, "B a file")
    if any(case["workers"] for case in many):
        yield Check(f"memory of a worker, {where}", _growth(few, many, more, worker_bytes), PER_FILE, "B a file")
    yield Check(f"time per image, {where}", _slowdown(few, many, "seconds"), SLOWDOWN, "x")
    yield Check(f"cpu time per image, {where}", _slowdown(few, many, "cpu_seconds"), SLOWDOWN, "x")


def reference(marks: Sequence[int]) -> int:
    """The mark that the last of ``marks`` is compared with."""
    return max((mark for mark in marks[:-1] if mark <= WARM), default=marks[0])


def chosen(cases: Iterable[Record], **wanted: Any) -> list[Record]:
    """The cases that were trained to their last mark and have these values."""
    return [
        case
        for case in cases
        if len(case.get("marks", ())) == len(case["asked_marks"])
        and all(case[name] == value for name, value in wanted.items())
    ]


def per_image(windows: Iterable[Record], images: int, key: str) -> float:
    """Seconds an image in the last part before ``images`` were drawn, from the windows of several trainings.

    Of each training the last 50 windows count that lie in the second half of what was drawn until then. Of all these
    the lower quartile is taken, since other work on the machine can only prolong a window.
    """
    times: list[float] = []
    for each in windows:
        ends = [0, *each["images"]]
        spans = [
            seconds / (end - start)
            for (start, end), seconds in zip(pairwise(ends), each[key], strict=True)
            if images / 2 <= start and end <= images
        ]
        times += spans[-_WINDOWS:] or [sum(each[key]) / ends[-1]]  # a training of a single window has no half
    return float(np.quantile(times, 0.25))


def resident_bytes(case: Record) -> int:
    """Bytes in memory at the last mark."""
    return int(case["marks"][-1]["resident_bytes"])


def worker_bytes(case: Record) -> int:
    """Bytes in memory of the largest worker at the last mark, its share of what is shared."""
    return max(case["marks"][-1]["workers_bytes"], default=0)


def steady(cases: Sequence[Record], key: str) -> float:
    """Seconds an image in the second half of ``cases``."""
    return per_image([case["windows"] for case in cases], cases[0]["marks"][-1]["images"], key)


def _growth(few: Sequence[Record], many: Sequence[Record], scale: float, size: Any = resident_bytes) -> float | None:
    if not few or not many:
        return None
    return (max(map(size, many)) - min(map(size, few))) / scale


def _slowdown(few: Sequence[Record], many: Sequence[Record], key: str) -> float | None:
    return steady(many, key) / steady(few, key) if few and many else None
