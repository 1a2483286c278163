"""Scale: planted growth is found and flat is called flat; what is measured, messages for bad input, and the record."""

from __future__ import annotations

import io
import json
import mmap
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from ganzoo.errors import ConfigError, DataError
from ganzoo.training.observers import Progress

from .conftest import BENCHMARKS, load

scale = load("scale")
folders = load("scaling.folders")
measuring = load("scaling.measure")
process = load("scaling.process")
recorder = load("scaling.recorder")
tables = load("scaling.tables")
verdict = load("scaling.verdict")

MIB = 1 << 20
MARKS = [10_000, 100_000, 1_000_000, 10_000_000]
QUICK = ["--batch-size", "8", "--log-every", "5", "--dataset", "digits", "--repeats", "1", "--images", "40", "80"]


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


class TestProcess:
    """What a process takes."""

    def test_memory_that_is_taken_is_seen_and_its_peak_stays(self) -> None:
        before = process.resident()
        block = mmap.mmap(-1, 64 * MIB)  # not from the heap, which may hold as much from a test before
        for _ in range(64):
            block.write(b"x" * MIB)
        assert process.resident() - before > 60 * MIB
        block.close()
        assert process.resident() - before < 30 * MIB
        assert process.peak() - before > 60 * MIB

    def test_a_process_does_not_inherit_the_peak_of_the_one_that_started_it(self) -> None:
        block = b"x" * (64 * MIB)
        words = f"import sys; sys.path.insert(0, {str(BENCHMARKS)!r}); from scaling.process import peak; print(peak())"
        done = subprocess.run([sys.executable, "-c", words], check=True, capture_output=True, text=True)
        assert int(done.stdout) < len(block)

    def test_open_files_and_objects_are_counted(self, tmp_path: Path) -> None:
        files, objects = process.open_files(), process.objects()
        kept = [[index] for index in range(5000)]
        with (tmp_path / "file").open("w"):
            assert process.open_files() == files + 1
        assert process.objects() - objects == pytest.approx(5000, abs=500)
        assert len(kept) == 5000

    def test_the_time_and_memory_of_workers_are_seen(self) -> None:
        worker = multiprocessing.get_context("fork").Process(target=_busy, args=(0.3,))
        before = process.cpu_seconds()
        worker.start()
        try:
            assert worker.pid in process.workers()
            assert process.shared_out(worker.pid) > 0
            time.sleep(0.6)
            assert process.cpu_seconds() - before > 0.1
        finally:
            worker.join()
        assert worker.pid not in process.workers()


def _busy(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    time.sleep(1)


class TestFolders:
    """Folders of images."""

    def test_it_has_so_many_images_in_ten_classes(self, tmp_path: Path) -> None:
        folders.image_folder(tmp_path / "a", 25, seed=0)
        folders.image_folder(tmp_path / "b", 25, seed=0)
        paths = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").glob("*/*.png"))
        assert len(paths) == 25
        assert {path.parent.name for path in paths} == set("0123456789")
        with Image.open(tmp_path / "a" / paths[0]) as image:
            assert (image.mode, image.size) == ("L", (28, 28))
        assert all((tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes() for path in paths)

    def test_it_is_taken_again_and_an_unfinished_one_is_not(self, tmp_path: Path) -> None:
        (tmp_path / "a.part" / "0").mkdir(parents=True)
        folders.image_folder(tmp_path / "a", 10, seed=0)
        written = (tmp_path / "a" / "0" / "00000000.png").stat().st_mtime_ns
        folders.image_folder(tmp_path / "a", 10, seed=0)
        assert (tmp_path / "a" / "0" / "00000000.png").stat().st_mtime_ns == written
        assert [path.name for path in tmp_path.iterdir()] == ["a"]

    def test_another_number_of_images_is_refused(self, tmp_path: Path) -> None:
        folders.image_folder(tmp_path / "a", 10, seed=0)
        with pytest.raises(ConfigError, match="has 10 images in its folders, not 11"):
            folders.image_folder(tmp_path / "a", 11, seed=0)


def watch(tmp_path: Path, marks: list[int], measurements: int, **how: Any) -> Any:
    """A recorder that was told of measurements, 10 images apart."""
    observer = recorder.Recorder(marks, **how)
    (tmp_path / "metrics.jsonl").write_text("{}\n")
    observer.started(SimpleNamespace(folder=SimpleNamespace(path=tmp_path)), None)
    for index in range(measurements):
        images = 10 * (index + 1)
        observer.measured(Progress(step=index + 1, images=images, fraction=0, rate=0, seconds=0), {})
    return observer


class TestRecorder:
    """The observer."""

    def test_it_looks_at_the_first_measurement_from_each_mark_on(self, tmp_path: Path) -> None:
        observer = watch(tmp_path, [15, 40], 5)
        assert [each["images"] for each in observer.marks] == [20, 40]
        assert observer.windows()["images"] == [10, 20, 30, 40, 50]
        assert observer.marks[0]["metrics_bytes"] == 3
        assert observer.marks[0]["checkpoints"] == observer.marks[0]["checkpoint_bytes"] == 0

    def test_looking_is_in_no_window(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(recorder, "look", lambda path: time.sleep(0.3) or {})
        assert max(watch(tmp_path, [10, 20], 3).windows()["seconds"]) < 0.3

    def test_it_stops_the_run_at_the_deadline_once(self, tmp_path: Path) -> None:
        caught: list[int] = []
        handler = signal.signal(signal.SIGINT, lambda number, frame: caught.append(number))
        try:
            observer = watch(tmp_path, [30], 2, deadline=0.0)
        finally:
            signal.signal(signal.SIGINT, handler)
        assert (caught, observer.stopped, observer.marks) == ([signal.SIGINT], True, [])


@pytest.mark.parametrize(
    ("seconds", "cpu", "alone", "load", "expected"),
    [
        (1.0, 0.95, True, 0.5, False),
        (1.0, 0.8, True, 0.5, True),
        (1.0, 0.2, False, 0.5, False),
        (1.0, 1.0, True, 1e6, True),
    ],
)
def test_a_noisy_measurement_is_marked(seconds: float, cpu: float, alone: bool, load: float, expected: bool) -> None:
    found = {
        "windows": {"seconds": [seconds], "cpu_seconds": [cpu]},
        "load_average": {"before": None, "after": [load, load, load]},
    }
    assert measuring.noisy(found, alone=alone) is expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--images", "0"], "'0' is no whole number from 1 on"),
        (["--files", "many"], "'many' is no whole number from 1 on"),
        (["--workers", "-1"], "'-1' is no whole number from 0 on"),
        (["--limit-minutes", "nan"], "'nan' is no number above 0"),
    ],
)
def test_a_bad_option_is_named_with_what_it_may_be(words: list[str], message: str, capsys) -> None:
    with pytest.raises(SystemExit) as error:
        scale.main(words)
    assert error.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--images", "10000"], "--images 10000 is a single mark"),
        (["--images", "10000", "15000"], "closer than 10,000 images"),
        (["--variant", "vanila"], "did you mean 'vanilla'?"),
        (["--device", "cuda:99"], "cuda:99 is not on this machine"),
        (["--engine", "steam"], "engine"),
        (["--allocator", "steam"], "allocator"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(
    words: list[str], message: str, tmp_path: Path, capsys
) -> None:
    out = tmp_path / "scale.json"
    assert scale.main([*words, "--out", str(out)]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


class Inline:
    """Stands for a pool of processes, and runs in this one."""

    def __init__(self, *args: Any, **more: Any) -> None:
        pass

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def submit(self, function: Any, *args: Any) -> Any:
        return SimpleNamespace(result=lambda: function(*args))


def stand_in(monkeypatch: pytest.MonkeyPatch, function: Any) -> None:
    """Let ``function`` stand for a measurement."""
    monkeypatch.setattr(scale, "ProcessPoolExecutor", Inline)
    monkeypatch.setattr(scale, "measure", function)


def test_a_training_that_fails_is_recorded_and_the_others_go_on(tmp_path: Path, monkeypatch) -> None:
    def broken(*args: Any) -> dict[str, Any]:
        raise DataError("no such disk")

    stand_in(monkeypatch, broken)
    out = tmp_path / "scale.json"
    assert scale.main([*QUICK, "--files", "10", "20", "--out", str(out)]) == 1
    record = json.loads(out.read_text())
    assert [case["failed"] for case in record["cases"]] == ["DataError: no such disk"] * 6
    assert not any(check["passed"] for check in record["checks"])


def test_what_can_never_be_trained_ends_it(tmp_path: Path, monkeypatch, capsys) -> None:
    def refused(*args: Any) -> dict[str, Any]:
        raise ConfigError("a critic of energies on scores")

    stand_in(monkeypatch, refused)
    assert scale.main([*QUICK, "--out", str(tmp_path / "scale.json")]) == 2
    assert "a critic of energies" in capsys.readouterr().err


def test_nothing_is_begun_after_the_time_is_over(tmp_path: Path, monkeypatch, capsys) -> None:
    stand_in(monkeypatch, lambda *args: pytest.fail("began"))
    out = tmp_path / "scale.json"
    assert scale.main([*QUICK, "--files", "10", "--limit-minutes", "1e-9", "--out", str(out)]) == 1
    assert {case["failed"] for case in json.loads(out.read_text())["cases"]} == {"the time was over"}
    assert "the time was over" in capsys.readouterr().out


def test_the_rounds_go_through_the_folders_forwards_and_backwards(tmp_path: Path) -> None:
    words = ["--files", "20", "10", "--workers", "2", "0", "--repeats", "2"]
    cases = list(scale.Scale(scale.parse([*QUICK, *words])).cases(tmp_path))
    assert [case.kind for case in cases[:2]] == ["length", "resident"]
    order = [(case.files, case.workers) for case in cases[2:]]
    assert order[:4] == order[:3:-1] == [(10, 0), (10, 2), (20, 0), (20, 2)]


def test_the_record_does_not_say_where_files_lie_nor_does_the_digest_depend_on_it(tmp_path: Path) -> None:
    facts = []
    for name in ("one", "two"):
        words = ["--files", "10", "--data-dir", str(tmp_path / name)]
        cases = list(scale.Scale(scale.parse([*QUICK, *words])).cases(tmp_path / name))
        facts.append([case.facts() for case in cases])
    assert facts[0] == facts[1]
    assert str(tmp_path) not in json.dumps(facts)


def test_the_tables_name_verdict_and_limits() -> None:
    console = Console(width=120, file=io.StringIO())
    cases = [length(), sized(0), sized(1000), sized(100_000)]
    checks = [verdict.Check("memory, 1 to 2 images", 40.0, 32.0, "MiB"), verdict.Check("time", None, 1.25, "x")]
    tables.show(console, cases, checks)
    text = " ".join(console.file.getvalue().split())
    assert "memory, 1 to 2 images 40.00 MiB 32 MiB NOT FLAT" in text
    assert "time not measured 1.25 x open" in text
    assert "10,000,000 20.0 20.0 700.0 720.0" in text


@pytest.mark.slow
def test_a_tiny_benchmark_from_end_to_end(tmp_path: Path) -> None:
    out, keep = tmp_path / "deep" / "scale.json", tmp_path / "kept"
    words = [*QUICK, "--files", "50", "--workers", "1", "--keep", str(keep), "--out", str(out)]
    command = [sys.executable, str(BENCHMARKS / "scale.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "120"})
    assert done.returncode in (0, 1), done.stderr
    assert "limit" in done.stdout
    record = json.loads(out.read_text())
    assert str(tmp_path) not in out.read_text()
    assert [case["kind"] for case in record["cases"]] == ["length", "resident", "folder"]
    assert [case["storage"] for case in record["cases"]] == ["device", "device", "stream"]
    longest, _, folder = record["cases"]
    assert [each["images"] for each in longest["marks"]] == [40, 80]
    assert longest["windows"]["images"] == [40, 80]
    assert len(folder["marks"][-1]["workers_bytes"]) == 1
    assert folder["opened"]["seconds"] > 0
    assert all(check["value"] is not None for check in record["checks"])
    assert sorted(path.name for path in keep.iterdir()) == ["50-files"]
