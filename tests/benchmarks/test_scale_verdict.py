"""Planted growth is found, flat is called flat, and the tables say which."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from .conftest import load

tables = load("scaling.tables")
verdict = load("scaling.verdict")
MIB = 1 << 20
MARKS = [10_000, 100_000, 1_000_000, 10_000_000]


def windows(images: int, *, seconds: float = 2e-5, slower: float = 1.0, noise: float = 0.0) -> dict[str, list[Any]]:
    """A thousand windows whose time per image rises evenly to ``slower`` times ``seconds``; ``noise`` prolongs some."""
    count = 1000
    rng = np.random.default_rng(0)
    times = seconds * np.linspace(1, slower, count) * images / count
    times = times * (1 + noise * (rng.random(count) < 0.5) * rng.random(count))
    ends = [images * (index + 1) // count for index in range(count)]
    return {"images": ends, "seconds": times.tolist(), "cpu_seconds": times.tolist()}


def mark(images: int, **more: Any) -> dict[str, Any]:
    """What was found at a mark."""
    flat = {"resident_bytes": 700 * MIB, "peak_bytes": 720 * MIB, "workers_bytes": [], "objects": 3 * 10**5}
    return {"images": images, **flat, "open_files": 14, "checkpoints": 2, "metrics_bytes": images // 100, **more}


def length(*, leak: float = 0.0, key: str = "resident_bytes", **how: Any) -> dict[str, Any]:
    """A training of 10 million images with ``leak`` more of ``key`` for each million."""
    marks = [mark(images) for images in MARKS]
    for each in marks:
        each[key] += round(leak * each["images"] / 10**6)
    facts = {"kind": "length", "files": 0, "workers": 0, "asked_marks": MARKS, "noisy": False}
    return {**facts, "marks": marks, "windows": windows(MARKS[-1], **how)}


def sized(
    files: int, workers: int = 0, *, per_file: float = 0.0, per_worker: float = 0.0, **how: Any
) -> dict[str, Any]:
    """A training on a folder, or in memory where there are no files."""
    images = 100_000
    found = mark(images, resident_bytes=700 * MIB + round(per_file * files))
    found["workers_bytes"] = [330 * MIB, 330 * MIB + round(per_worker * files)][:workers]
    facts = {"kind": "folder" if files else "resident", "files": files, "workers": workers, "asked_marks": [images]}
    shown = {"noisy": False, "opened": {"seconds": 1.0}, "ended": {"peak_bytes": 0}}
    shown["config"] = {"data": {"dataset": "mnist"}}
    return {**facts, **shown, "marks": [found], "windows": windows(images, **how)}


def failures(checks: list[Any]) -> dict[str, float | None]:
    """The figures of the checks that failed, by the first words of their names."""
    return {check.what.partition(",")[0]: check.value for check in checks if not check.passed}


class TestLength:
    """The verdict on a long training."""

    def test_flat_is_flat(self) -> None:
        checks = verdict.length_checks(length())
        assert len(checks) == 7
        assert not failures(checks)
        assert "100,000 to 10,000,000 images" in checks[0].what

    @pytest.mark.parametrize(
        ("key", "leak", "name", "found"),
        [
            ("resident_bytes", 4 * MIB, "memory", 39.6),
            ("peak_bytes", 4 * MIB, "peak of memory", 39.6),
            ("objects", 200, "Python objects", 1980),
            ("open_files", 1, "open files", 10),
            ("checkpoints", 1, "checkpoints kept", 12),
        ],
    )
    def test_a_planted_leak_is_found(self, key: str, leak: float, name: str, found: float) -> None:
        assert failures(verdict.length_checks(length(leak=leak, key=key))) == {name: pytest.approx(found)}

    def test_a_leak_within_the_limit_passes(self) -> None:
        checks = verdict.length_checks(length(leak=3 * MIB))
        assert checks[0].value == pytest.approx(29.7)
        assert not failures(checks)

    def test_a_planted_slowdown_is_found(self) -> None:
        found = failures(verdict.length_checks(length(slower=1.5)))
        assert found == {name: pytest.approx(1.48, abs=0.02) for name in ("time per image", "cpu time per image")}

    def test_other_work_is_no_slowdown(self) -> None:
        checks = verdict.length_checks(length(noise=3.0))
        assert not failures(checks)
        assert checks[4].value == pytest.approx(1, abs=0.2)

    def test_a_training_that_was_stopped_is_not_called_flat(self) -> None:
        case = length()
        case["marks"].pop()
        checks = verdict.length_checks(case)
        assert not any(check.passed for check in checks)
        assert {check.value for check in checks} == {None}

    @pytest.mark.parametrize(
        ("marks", "expected"), [(MARKS, 100_000), ([40, 80], 40), ([10**6, 10**7], 10**6), ([1, 2, 10**5], 2)]
    )
    def test_what_is_compared_with_is_warm_but_never_the_last_mark(self, marks: list[int], expected: int) -> None:
        assert verdict.reference(marks) == expected


class TestSize:
    """The verdict on folders."""

    FILES = (1000, 100_000)

    def checks(self, *, few: dict[str, Any] | None = None, **many: Any) -> list[Any]:
        cases = [sized(0)]
        for workers in (0, 2):
            cases += [sized(1000, workers, **{**many, **(few or {})}), sized(100_000, workers, **many)]
        return verdict.size_checks(cases, self.FILES, (0, 2))

    def test_flat_is_flat(self) -> None:
        checks = self.checks(per_file=200, per_worker=200)
        assert len(checks) == 8
        assert not failures(checks)
        assert checks[0].value == pytest.approx(200, abs=1)

    def test_memory_that_grows_by_more_than_a_path_is_found(self) -> None:
        assert failures(self.checks(per_file=300)) == {"memory": pytest.approx(300, abs=1)}
        assert failures(self.checks(per_worker=300)) == {"memory of a worker": pytest.approx(300, abs=1)}

    def test_memory_far_above_that_of_the_data_in_memory_is_found(self) -> None:
        last = self.checks(per_file=400)[-1]
        assert last.what == "memory, in memory to 100,000 files"
        assert last.value == pytest.approx(400 * 100_000 / MIB, rel=1e-3)
        assert not last.passed

    def test_a_planted_slowdown_is_found(self) -> None:
        found = failures(self.checks(few={"seconds": 1e-5}))
        assert found == {name: pytest.approx(2) for name in ("time per image", "cpu time per image")}

    def test_the_undisturbed_of_several_trainings_counts(self) -> None:
        cases = [sized(1000), sized(1000), sized(100_000, seconds=6e-5), sized(100_000)]
        checks = verdict.size_checks([sized(0), *cases], self.FILES, (0,))
        assert not failures(checks)

    def test_what_failed_is_not_called_flat(self) -> None:
        cases = [sized(0), sized(1000), {**sized(100_000), "marks": []}]
        assert set(failures(verdict.size_checks(cases, self.FILES, (0,))).values()) == {None}

    def test_one_folder_is_compared_with_the_data_in_memory_alone(self) -> None:
        (only,) = verdict.size_checks([sized(0), sized(50)], (50,), (0,))
        assert only.passed


def test_the_tables_name_verdict_and_limits() -> None:
    console = Console(width=120, file=io.StringIO())
    cases = [length(), sized(0), sized(1000), sized(100_000)]
    checks = [verdict.Check("memory, 1 to 2 images", 40.0, 32.0, "MiB"), verdict.Check("time", None, 1.25, "x")]
    tables.show(console, cases, checks)
    text = " ".join(console.file.getvalue().split())
    assert "memory, 1 to 2 images 40.00 MiB 32 MiB NOT FLAT" in text
    assert "time not measured 1.25 x open" in text
    assert "10,000,000 20.0 20.0 700.0 720.0" in text
