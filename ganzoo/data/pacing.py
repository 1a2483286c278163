"""The bookkeeping that all batchers share: how far the sequence was drawn, and that nobody draws past what is ready."""

from __future__ import annotations

from abc import abstractmethod

import torch

from ganzoo.errors import GanzooError
from ganzoo.game.batch import Batch

from .batcher import Batcher


class PacedBatcher(Batcher):
    """A batcher that is told of each iteration beforehand.

    The host counts what it announces and never asks the device, which may lag behind or replay a captured graph
    without the host's code. That is right as long as all announced batches are drawn, so this is checked where it can
    be: on the CPU, and on a GPU whenever the host's code ran.

    Args:
        batch_size: B, images in a batch.
        device: where batches are.
        rank: which of ``world`` ranks this is; each draws its own B of every ``world`` * B images.
        world: number of ranks.
    """

    def __init__(self, *, batch_size: int, device: torch.device, rank: int = 0, world: int = 1) -> None:
        self.batch_size, self.device = batch_size, device
        self.rank, self.world = rank, world
        self._drawn = self._ready = self._taken = 0

    @property
    def drawn(self) -> int:
        """Images drawn by all ranks, counting what was announced."""
        return self._drawn

    def restore(self, drawn: int) -> None:
        """Go on as if ``drawn`` images had been drawn."""
        self._drawn, self._ready, self._taken = drawn, 0, 0
        self._seek(drawn)

    def prepare(self, rounds: int) -> None:
        """Announce ``rounds`` draws and make them ready.

        Raises:
            GanzooError: not all batches that were announced before were drawn, or ``rounds`` is more than was planned.
        """
        replayed = self._taken == 0
        if self._taken != self._ready and not replayed:
            raise GanzooError(
                f"{self._ready} batches were announced and {self._taken} drawn",
                fix="draw exactly as many batches as prepare() announced, or restore() first",
            )
        self._fill(self._drawn, rounds)
        self._drawn += rounds * self.batch_size * self.world
        self._ready, self._taken = rounds, 0

    def draw(self) -> Batch:
        """The next batch.

        Raises:
            GanzooError: all that were announced are drawn.
        """
        if self._taken == self._ready:
            raise GanzooError(
                f"no batch is ready: {self._ready} were announced, and drawn",
                fix="call prepare() with the number of draws",
            )
        batch = self._take(self._taken)
        self._taken += 1
        return batch

    @abstractmethod
    def _seek(self, position: int) -> None:
        """Go on from ``position`` of the sequence."""

    @abstractmethod
    def _fill(self, position: int, rounds: int) -> None:
        """Make ``rounds`` batches ready, the first of which begins at ``position``."""

    @abstractmethod
    def _take(self, round_index: int) -> Batch:
        """Batch ``round_index`` of those that are ready. They are taken in order."""
