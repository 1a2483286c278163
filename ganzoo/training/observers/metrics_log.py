"""The metrics log of the run folder."""

from __future__ import annotations

from .base import Observer, Progress, RunView


class MetricsLog(Observer):
    """Appends each measurement to ``metrics.jsonl``."""

    def started(self, run: RunView, progress: Progress) -> None:
        self._folder = run.folder

    def measured(self, progress: Progress, values: dict[str, float]) -> None:
        self._folder.log(progress.step, progress.images, values)
