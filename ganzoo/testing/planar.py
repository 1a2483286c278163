r"""Points of the plane as images of any shape, so that what a generator has learnt can be measured in two numbers.

A point (x, y) is the image whose left half has the brightness x and whose right half has y, in every channel. To go
back, each half is averaged. Fully connected and convolutional networks can both paint that; what else they paint
averages out.

The points come from three Gaussians, a class each. Two samples P and Q of points are compared by the energy distance
(Szekely & Rizzo 2013, doi:10.1016/j.jspi.2013.03.018),

.. math:: D(P, Q) = 2\, E\|p - q\| - E\|p - p'\| - E\|q - q'\| \ge 0,

which is zero for equal distributions alone: a generator that collapses onto one point is not taken for one that learnt.
"""

from __future__ import annotations

import torch
from torch import Tensor

CENTRES = ((-0.7, 0.5), (0.1, 0.6), (0.5, -0.3))
"""The means of the three Gaussians, whose average is not where an untrained generator begins."""
SPREAD = 0.08
"""Their standard deviation in each direction."""
SIZE = 1536
"""Images in the data set."""

Shape = tuple[int, int, int]


def draw_points(n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """``n`` points, float32 (n, 2), and the Gaussian that each comes from, int64 (n,)."""
    labels = torch.arange(n) % len(CENTRES)
    return torch.tensor(CENTRES)[labels] + SPREAD * torch.randn(n, 2, generator=rng), labels


def paint(points: Tensor, shape: Shape) -> Tensor:
    """Points (N, 2) as images, uint8 (N, C, H, W)."""
    channels, height, width = shape
    brightness = ((points.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    middle = width // 2
    halves = [brightness[:, :1].expand(-1, middle), brightness[:, 1:].expand(-1, width - middle)]
    rows = torch.cat(halves, dim=1)[:, None, None, :]  # (N, 1, 1, W)
    return rows.expand(-1, channels, height, -1).contiguous()


def read_points(images: Tensor) -> Tensor:
    """Images in [-1, 1], float (N, C, H, W), as points (N, 2)."""
    middle = images.shape[-1] // 2
    return torch.stack([images[..., :middle].mean((1, 2, 3)), images[..., middle:].mean((1, 2, 3))], dim=1)


def energy_distance(one: Tensor, other: Tensor) -> float:
    """D of two samples of points, (N, 2) and (M, 2), estimated without bias, so it may fall below zero."""
    return float(2 * torch.cdist(one, other).mean() - _within(one) - _within(other))


def _within(points: Tensor) -> Tensor:
    n = len(points)
    return torch.cdist(points, points).sum() / (n * (n - 1))
