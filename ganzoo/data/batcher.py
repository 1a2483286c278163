"""The one interface through which a run gets its batches, whether images lie on the device or stream in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal

from ganzoo.game.batch import Batch

from .info import DataInfo


class Batcher(ABC):
    """An endless sequence of batches in exact epochs; its whole state is one integer.

    Attributes:
        info: shape and labels of the images as they are batched.
        size: images in an epoch.
        fingerprint: SHA-256, hex, over the images and the shape they are brought to; two runs with the same one saw the
            same data, however it was held.
        storage: where the images are held: on the device, or read by workers while a run goes on.
    """

    info: DataInfo
    size: int
    fingerprint: str
    storage: Literal["device", "stream"]

    @property
    @abstractmethod
    def drawn(self) -> int:
        """Images drawn so far by all ranks, the whole state; those that were announced by prepare() count."""

    @abstractmethod
    def restore(self, drawn: int) -> None:
        """Go on as if ``drawn`` images had been drawn."""

    @abstractmethod
    def prepare(self, rounds: int) -> None:
        """Host-side work before an iteration of exactly ``rounds`` draws: refill permutations, fetch from workers."""

    @abstractmethod
    def draw(self) -> Batch:
        """The next batch, in [-1, 1], on the device, of constant shape; as often as prepare() announced."""

    def close(self) -> None:  # noqa: B027 - optional hook
        """Stop workers, if there are any."""

    def __enter__(self) -> Batcher:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.close()
