"""TensorBoard, an extra: ``pip install "ganzoo[tensorboard]"``."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ganzoo.errors import MissingExtraError

from .base import Observer, Progress, RunView


class TensorBoard(Observer):
    """Writes scalars and sample grids into ``tensorboard/`` of the run folder.

    Raises:
        MissingExtraError: tensorboard is not installed.
    """

    def __init__(self) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise MissingExtraError(
                "--tensorboard needs the package tensorboard, which is not installed",
                fix='pip install "ganzoo[tensorboard]"',
            ) from None
        self._make: Any = SummaryWriter
        self._writer: Any = None

    def started(self, run: RunView, progress: Progress) -> None:
        # Steps that a resumed run takes again replace those of the interrupted one.
        self._writer = self._make(str(run.folder.path / "tensorboard"), purge_step=progress.step + 1)

    def measured(self, progress: Progress, values: dict[str, float]) -> None:
        for name, value in {**values, "images_per_second": progress.rate}.items():
            self._writer.add_scalar(name, value, progress.step)

    def evaluated(self, progress: Progress, values: dict[str, float], *, best: bool) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, progress.step)

    def sampled(self, progress: Progress, images: Tensor) -> None:
        self._writer.add_images("samples", images.add(1).div(2).clamp(0, 1), progress.step)

    def ended(self, progress: Progress, reason: str) -> None:
        if self._writer is not None:
            self._writer.close()
