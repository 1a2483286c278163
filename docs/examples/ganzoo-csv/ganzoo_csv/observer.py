"""The observer. What it is not told of, it does not override."""

from __future__ import annotations

import csv
from pathlib import Path

from ganzoo.training.observers import Observer, Progress, RunView

FILE = "measurements.csv"
COLUMNS = ("step", "images", "seconds", "name", "value")


class CSVLines(Observer):
    """A line for each value: a table of any variant has these columns, whatever its losses are called."""

    def started(self, run: RunView, progress: Progress) -> None:
        """Open the table; that of a run that goes on is gone on with, without the steps that are taken again."""
        self._file = run.folder.path / FILE
        kept = [line for line in _read(self._file) if int(line[0]) <= progress.step]
        with self._file.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *kept])

    def measured(self, progress: Progress, values: dict[str, float]) -> None:
        """Append the values."""
        with self._file.open("a", newline="", encoding="utf-8") as file:
            standing = (progress.step, progress.images, f"{progress.seconds:.3f}")
            csv.writer(file).writerows((*standing, name, value) for name, value in values.items())

    def evaluated(self, progress: Progress, values: dict[str, float], *, best: bool) -> None:
        """Figures are values like others."""
        self.measured(progress, values)


def _read(path: Path) -> list[list[str]]:
    """The lines below the head; none without a file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [line for line in csv.reader(file) if len(line) == len(COLUMNS)][1:]
