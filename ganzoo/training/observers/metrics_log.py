"""The metrics log of the run folder."""

from __future__ import annotations

from .base import Observer, Progress, RunView


class MetricsLog(Observer):
    """Appends each measurement and each evaluation to ``metrics.jsonl``."""

    def started(self, run: RunView, progress: Progress) -> None:
        self._folder = run.folder

    def measured(self, progress: Progress, values: dict[str, float]) -> None:
        self._folder.log(progress.step, progress.images, progress.seconds, values)

    def evaluated(self, progress: Progress, values: dict[str, float], *, best: bool) -> None:
        self._folder.log(progress.step, progress.images, progress.seconds, values)
