"""What passes between the engine and a game: batches, turns, and named scalars."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")

Terms = dict[str, Tensor]
"""Named 0-dim tensors. A loss returns them: their sum is minimised and each is logged under its name."""


class Batch(dict[str, Tensor]):
    """Named tensors with a common first dimension N.

    A single-domain data set gives ``images``, float32 (N, C, H, W) in [-1, 1], and, where it has them, ``labels``,
    int64 (N,). A two-domain one gives ``a`` and ``b`` in place of ``images``.
    """

    @property
    def size(self) -> int:
        """N, the number of samples; 0 for a batch with no tensors."""
        return next((int(tensor.shape[0]) for tensor in self.values()), 0)

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on ``device``."""
        return Batch({name: tensor.to(device) for name, tensor in self.items()})


@dataclass
class Turn:
    """One round as its players see it: one batch, one source of randomness, one memo.

    Attributes:
        batch: the data of this round, shared by all its players.
        rng: the only source of randomness that a game may use; it lives on the device of the batch.
        step: the iteration number, int64, 0-dim, on the device. Values that depend on it are computed from it with
            tensor operations, never from a Python number.
        players: who plays in this round, in order. A discriminator that plays alone need not build a generator graph.
        batches: turns whose gradients each update of this round averages, this one among them. Each player has its turn
            in all of them before the next one plays, so a graph that is kept from one player to the next is kept for
            every batch; :meth:`ganzoo.game.GAN.fake` makes it anew where there are several.
    """

    batch: Batch
    rng: torch.Generator
    step: Tensor
    players: tuple[str, ...] = ()
    batches: int = 1
    _memo: dict[Hashable, Any] = field(default_factory=dict, repr=False)
    _shown: Terms = field(default_factory=dict, repr=False)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of ``make()``, computed at the first call with ``key`` and shared by the players of this round.

        Only one player may differentiate through a shared value: its backward pass frees the graph, and its update
        changes the weights in place. The others detach it, as ``d`` does with ``g``'s fakes. What is shared is kept to
        the end of the round, of each of its ``batches``.
        """
        if key not in self._memo:
            self._memo[key] = make()
        value: T = self._memo[key]
        return value

    def show(self, **scalars: Tensor) -> None:
        """Log 0-dim tensors that are not minimised: an accuracy, a Wasserstein estimate, BEGAN's k."""
        self._shown.update({name: value.detach() for name, value in scalars.items()})

    @property
    def shown(self) -> Terms:
        """What was shown so far in this round."""
        return self._shown
