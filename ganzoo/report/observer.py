"""The pictures of a run folder: sample grids while it trains, loss curves at its end."""

from __future__ import annotations

import shutil

from torch import Tensor

from ganzoo.training.observers import Observer, Progress, RunView
from ganzoo.training.run_folder import read_metrics

from .curves import write_curves
from .grid import write_grid


class Pictures(Observer):
    """Writes ``samples/step-N.png``, ``samples.png`` (the last of them) and ``losses.png``."""

    def started(self, run: RunView, progress: Progress) -> None:
        self._run = run
        run.folder.samples.mkdir(exist_ok=True)

    def sampled(self, progress: Progress, images: Tensor) -> None:
        folder = self._run.folder
        path = folder.samples / f"step-{progress.step:09d}.png"
        write_grid(images, path, labels=self._run.labels)
        shutil.copyfile(path, folder.path / "samples.png")

    def ended(self, progress: Progress, reason: str) -> None:
        if metrics := read_metrics(self._run.folder.path):
            config = self._run.config
            title = f"{config.variant} on {config.data.dataset}, seed {config.training.seed}"
            write_curves(metrics, self._run.folder.path / "losses.png", title=title)
