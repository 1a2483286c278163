"""In which order images are drawn: one endless sequence of positions, exact epochs, one integer of state.

Position p of the sequence lies in epoch e = p // N, whose order is a permutation of the N images that depends on
(seed, data set, e) alone. Whoever knows how many images were drawn knows everything: nothing is replayed on resume.
A batch may lie across the border of two epochs, or span many where the set is small.
"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor


class EpochOrder:
    """The sequence, on the host.

    Args:
        size: N, the number of images.
        seed: of the run.
        name: of the data set, so that two sets in one run are shuffled apart.
    """

    def __init__(self, size: int, *, seed: int, name: str) -> None:
        self.size, self.seed, self.name = size, seed, name
        self._last: tuple[int, Tensor] | None = None

    def permutation(self, epoch: int) -> Tensor:
        """The order of ``epoch``, int64 (N,). It touches no global random state."""
        if self._last is None or self._last[0] != epoch:
            key = hashlib.sha256(f"{self.seed}\0{self.name}\0{epoch}".encode()).digest()
            rng = torch.Generator().manual_seed(int.from_bytes(key[:8], "big") >> 1)
            self._last = epoch, torch.randperm(self.size, generator=rng)
        return self._last[1]

    def indices(self, start: int, count: int) -> Tensor:
        """The images at positions ``start`` to ``start + count - 1``, int64 (count,)."""
        parts = []
        while count > 0:
            epoch, offset = divmod(start, self.size)
            part = self.permutation(epoch)[offset : offset + count]
            parts.append(part)
            start, count = start + len(part), count - len(part)
        return torch.cat(parts)


class EpochRing:
    """The sequence, on the device: a ring with the permutation of epoch e in slot e mod S, and a cursor.

    A draw is a handful of tensor operations of constant shape with no word from the host, so it can be captured in a
    CUDA graph and replayed. Between replays the host refills the slots that were used up; the stream orders that
    behind the draws that read them. All memory is updated in place.

    Args:
        order: the sequence.
        batch_size: B, images in a draw.
        span: the most positions by which the cursor moves between two refills.
        device: where draws happen.
        rank: r, takes positions r * B to r * B + B - 1 of each ``world`` * B.
        world: W, number of ranks that share the sequence.
    """

    def __init__(
        self, order: EpochOrder, *, batch_size: int, span: int, device: torch.device, rank: int = 0, world: int = 1
    ) -> None:
        self.order = order
        self.slots = 1 + -(-span // order.size)
        self._ring = torch.empty(self.slots * order.size, dtype=torch.int64, device=device)
        self._cursor = torch.zeros((), dtype=torch.int64, device=device)
        self._offsets = torch.arange(rank * batch_size, (rank + 1) * batch_size, device=device)
        self._stride = batch_size * world
        self.seek(0)

    def seek(self, position: int) -> None:
        """Go on from ``position``."""
        self._cursor.fill_(position)
        self._filled = position // self.order.size
        self.refill(position)

    def refill(self, position: int) -> None:
        """Overwrite the slots of epochs that lie wholly before ``position``, where the cursor stands."""
        size = self.order.size
        while self._filled < position // size + self.slots:
            slot = self._filled % self.slots
            permutation = self.order.permutation(self._filled)
            if self._ring.is_cuda:  # pinned, the copy does not wait for the device
                permutation = permutation.pin_memory()
            self._ring[slot * size : (slot + 1) * size].copy_(permutation, non_blocking=True)
            self._filled += 1

    def draw(self) -> Tensor:
        """The next images of this rank, int64 (B,), on the device."""
        indices = self._ring.index_select(0, (self._cursor + self._offsets) % len(self._ring))
        self._cursor.add_(self._stride)
        return indices
