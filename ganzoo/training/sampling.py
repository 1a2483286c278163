"""Images from a game's exported module, the same ones whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from ganzoo.game import Batch, Game

_CHUNK = 1024


def draw(game: Game, net: nn.Module, n: int, rng: torch.Generator, given: Batch | None = None) -> Iterator[Tensor]:
    """``n`` images of ``net``, float32 (N, C, H, W) in [-1, 1] on the CPU, a few at a time.

    Args:
        game: knows what an image is made from.
        net: the exported module, or its average.
        n: how many.
        rng: draws what is not given; on the module's device.
        given: labels or sources, as in :meth:`~ganzoo.game.Game.request`.
    """
    request = game.request(n, rng, given)
    for at in range(0, n, _CHUNK):
        part = Batch({name: value[at : at + _CHUNK] for name, value in request.items()})
        yield game.generate(net, part, rng).cpu()


def apart(device: torch.device) -> AbstractContextManager[None]:
    """Inside, the global random streams are somebody else's: they are put back at the end."""
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])
