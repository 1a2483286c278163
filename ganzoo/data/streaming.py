"""Batches from images that do not fit on the device: worker processes read them ahead, in the same order.

What comes out is bit for bit what :class:`~ganzoo.data.resident.ResidentBatcher` gives for the same images.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ganzoo.errors import DataError, GanzooError
from ganzoo.game.batch import Batch

from .convert import normalise
from .domains import OrderGroup, joint_fingerprint, order_groups
from .info import DataInfo
from .pacing import PacedBatcher
from .source import Stream

Row = tuple[int, ...]
"""The image of each domain that makes one sample."""


class StreamBatcher(PacedBatcher):
    """Reads batches in worker processes; takes the arguments of ResidentBatcher, and ``workers``.

    The batches of an iteration are copied into buffers of constant address, so a captured graph can read them. Pinned
    memory and asynchronous copies are not tested on a GPU.

    Args:
        domains: the images of each domain, by the name that they have in a batch.
        info: of the data set (of its first domain).
        batch_size: B, images in a batch.
        seed: of the order.
        device: where batches go.
        workers: processes that read; 0 reads in this one.
        paired: whether sample i of one domain belongs to sample i of the others.
        rank: which of ``world`` ranks this is.
        world: number of ranks.

    Raises:
        IncompatiblePartsError: paired domains of different sizes.
        DataError: a domain without images.
    """

    storage: Literal["stream"] = "stream"

    def __init__(
        self,
        domains: Mapping[str, Stream],
        *,
        info: DataInfo,
        batch_size: int,
        seed: int,
        device: torch.device,
        workers: int = 2,
        paired: bool = False,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        super().__init__(batch_size=batch_size, device=device, rank=rank, world=world)
        groups = order_groups(domains, seed=seed, name=info.name, paired=paired)
        self.info = info
        self.size = max(order.size for order, _ in groups)
        self.fingerprint = joint_fingerprint(domains)
        self._positions = _Positions(groups, list(domains), batch_size=batch_size, rank=rank, world=world)
        self._loader = DataLoader(
            _Reader(dict(domains)),
            batch_sampler=cast(Any, self._positions),  # endless, so it has no length
            num_workers=workers,
            collate_fn=_as_is,
            pin_memory=device.type == "cuda",
            generator=torch.Generator(),  # else the loader would draw from the global one
        )
        self._batches: Iterator[Any] | None = None
        self._buffers: list[dict[str, Tensor]] = []

    def close(self) -> None:
        """Stop the workers; a later ``prepare`` starts them again."""
        self._batches = None  # the iterator stops its workers when nobody holds it

    def _seek(self, position: int) -> None:
        self.close()

    def _fill(self, position: int, rounds: int) -> None:
        if self._batches is None:
            self._positions.start = position
            with _own_signals():
                self._batches = iter(self._loader)
        for index in range(rounds):
            self._store(index, self._next())

    def _next(self) -> dict[str, Tensor]:
        assert self._batches is not None
        try:
            batch = next(self._batches)
        except (RuntimeError, OSError, EOFError) as error:  # which one depends on what the worker was doing as it died
            self.close()
            raise DataError(
                f"a process that reads images failed: {' '.join(str(error).split()) or 'it fell silent'}",
                fix="lower --workers; with --workers 0 this process reads, and says what is wrong",
            ) from None
        if isinstance(batch, GanzooError):
            self.close()
            raise batch
        return cast(dict[str, Tensor], batch)

    def _store(self, index: int, batch: dict[str, Tensor]) -> None:
        if index == len(self._buffers):
            self._buffers.append({name: torch.empty_like(part, device=self.device) for name, part in batch.items()})
        for name, part in batch.items():
            self._buffers[index][name].copy_(part, non_blocking=True)

    def _take(self, round_index: int) -> Batch:
        buffers = self._buffers[round_index]
        return Batch({name: part.clone() if name == "labels" else normalise(part) for name, part in buffers.items()})


class _Positions:
    """The rows of this rank's batches, endlessly, from position ``start`` of the sequence."""

    def __init__(self, groups: list[OrderGroup], domains: list[str], *, batch_size: int, rank: int, world: int) -> None:
        self.groups, self.domains = groups, domains
        self.batch_size, self.rank, self.world = batch_size, rank, world
        self.start = 0

    def __iter__(self) -> Iterator[list[Row]]:
        position = self.start + self.rank * self.batch_size
        while True:
            columns = {
                name: order.indices(position, self.batch_size).tolist()
                for order, names in self.groups
                for name in names
            }
            yield list(zip(*(columns[name] for name in self.domains), strict=True))
            position += self.world * self.batch_size


class _Reader(Dataset[Any]):
    """Reads the rows of a batch, in a worker. What goes wrong is handed back, since raising would garble it."""

    def __init__(self, domains: dict[str, Stream]) -> None:
        self.domains = domains

    def __getitems__(self, rows: list[Row]) -> dict[str, Tensor] | GanzooError:
        try:
            return self._read(rows)
        except GanzooError as error:
            return error

    def _read(self, rows: list[Row]) -> dict[str, Tensor]:
        batch: dict[str, Tensor] = {}
        for (name, stream), column in zip(self.domains.items(), zip(*rows, strict=True), strict=True):
            images, labels = zip(*(stream[index] for index in column), strict=True)
            batch[name] = torch.stack(images)
            if stream.labelled and len(self.domains) == 1:
                batch["labels"] = torch.tensor(labels)
        return batch


@contextmanager
def _own_signals() -> Iterator[None]:
    """Start workers whose signals and this process's do not meet.

    Ctrl-C reaches every process of the terminal, but a run finishes its step first and needs its workers for that. And
    torch has the death of a worker raise wherever this process happens to be; without its handler the death is found
    where batches are fetched, within seconds.
    """
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited by what is started here
    handler = signal.getsignal(signal.SIGCHLD)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _as_is(batch: Any) -> Any:
    return batch
