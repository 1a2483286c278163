"""What is measured: processes, folders of images, and a run at its marks."""

from __future__ import annotations

import mmap
import multiprocessing
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from ganzoo.errors import ConfigError
from ganzoo.training.observers import Progress

from .conftest import BENCHMARKS, load

folders = load("scaling.folders")
measuring = load("scaling.measure")
process = load("scaling.process")
recorder = load("scaling.recorder")
MIB = 1 << 20


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
