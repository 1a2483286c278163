"""An observer that measures its own process while it trains."""

from __future__ import annotations

import signal
import time
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganzoo.bench.machine import load_average
from ganzoo.training.checkpoint import checkpoints
from ganzoo.training.observers import Observer, Progress, RunView

from .process import cpu_seconds, objects, open_files, peak, resident, shared_out, workers


class Recorder(Observer):
    """Times the windows between two measurements of a run, and looks at the whole process at given marks.

    What looking takes is in no window. The windows go into arrays, a few bytes each, so that the record of a long run
    is no growth that it finds.

    Args:
        marks: numbers of images drawn, ascending; the first measurement from each on is looked at.
        deadline: on the monotonic clock; a run that has not ended by then is stopped as Ctrl-C would stop it.
    """

    def __init__(self, marks: Sequence[int], *, deadline: float = float("inf")) -> None:
        self.marks: list[dict[str, Any]] = []
        self.stopped = False
        self._due = list(marks)
        self._deadline = deadline
        self._images, self._resident = array("q"), array("q")
        self._seconds, self._cpu_seconds = array("d"), array("d")

    def started(self, run: RunView, progress: Progress) -> None:
        self._folder = run.folder
        self._start()

    def measured(self, progress: Progress, values: dict[str, float]) -> None:
        self._seconds.append(time.perf_counter() - self._wall)
        self._cpu_seconds.append(cpu_seconds() - self._cpu)
        self._images.append(progress.images)
        self._resident.append(resident())
        if self._due and progress.images >= self._due[0]:
            self._due.pop(0)
            self.marks.append({"images": progress.images, "step": progress.step, **look(self._folder.path)})
        if self._due and time.monotonic() > self._deadline and not self.stopped:
            self.stopped = True
            signal.raise_signal(signal.SIGINT)
        self._start()

    def windows(self) -> dict[str, list[Any]]:
        """Of each window: images drawn by its end, seconds, processor seconds, and bytes in memory at its end."""
        return {
            "images": self._images.tolist(),
            "seconds": [round(each, 6) for each in self._seconds],
            "cpu_seconds": [round(each, 6) for each in self._cpu_seconds],
            "resident_bytes": self._resident.tolist(),
        }

    def _start(self) -> None:
        self._wall, self._cpu = time.perf_counter(), cpu_seconds()


def look(run: Path) -> dict[str, Any]:
    """The process and its run folder at this moment. Memory comes first, since counting objects collects garbage."""
    return {
        "resident_bytes": resident(),
        "peak_bytes": peak(),
        "workers_bytes": [shared_out(pid) for pid in workers()],
        "open_files": open_files(),
        "objects": objects(),
        "metrics_bytes": (run / "metrics.jsonl").stat().st_size,
        "checkpoints": len(checkpoints(run / "checkpoints")),
        "checkpoint_bytes": sum(file.stat().st_size for file in (run / "checkpoints").rglob("*") if file.is_file()),
        "load_average": load_average(),
    }
