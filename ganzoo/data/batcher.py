"""The one interface through which a run gets its batches, whether images lie on the device or stream in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from ganzoo.game.batch import Batch

from .info import DataInfo


class Batcher(ABC):
    """An endless sequence of batches in exact epochs; its whole state is one integer.

    Attributes:
        info: shape and labels of the images as they are batched.
        size: images in an epoch.
        fingerprint: SHA-256 over the images as batched, hex; two runs with the same one saw the same data.
    """

    info: DataInfo
    size: int
    fingerprint: str

    @property
    @abstractmethod
    def drawn(self) -> int:
        """Images drawn so far, the whole state."""

    @abstractmethod
    def restore(self, drawn: int) -> None:
        """Go on as if ``drawn`` images had been drawn."""

    @abstractmethod
    def prepare(self, rounds: int) -> None:
        """Host-side work before an iteration of ``rounds`` draws: refill permutations, fetch from workers."""

    @abstractmethod
    def draw(self) -> Batch:
        """The next batch, in [-1, 1], on the device, of constant shape; at most ``rounds`` calls after a prepare()."""

    def close(self) -> None:  # noqa: B027 - optional hook
        """Stop workers, if there are any."""

    def __enter__(self) -> Batcher:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.close()
