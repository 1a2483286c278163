"""An exponential moving average of a module's weights and buffers."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

_LARGE = 2**17
"""Numbers in a tensor from which on a pass over them takes longer than a launch."""


class EMA:
    r"""The average :math:`\bar w \leftarrow \beta_t \bar w + (1 - \beta_t) w` of a module.

    :math:`\beta_t = \min(\beta, (1 + t) / (10 + t))` lets a short run forget its initial weights. Buffers of floating
    point (running statistics) are averaged alike, others copied. The training is the same with and without it; what
    it does for samples is in Yazici et al. 2019, arXiv:1806.04498.

    Args:
        source: the module that trains.
        decay: :math:`\beta` in [0, 1).
    """

    def __init__(self, source: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(source).requires_grad_(False)
        self._decay = decay
        pairs = list(zip(_tensors(self.module), _tensors(source), strict=True))
        floating = [pair for pair in pairs if pair[0].is_floating_point()]
        self._alone = [pair for pair in floating if _goes_alone(pair[0])]
        self._together = [pair for pair in floating if not _goes_alone(pair[0])]
        self._copied = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self, step: Tensor) -> None:
        """Move the average towards the source; ``step`` is the iteration, int64, 0-dim, on the device."""
        weight = 1 - ((1 + step) / (10 + step)).clamp(max=self._decay)
        for average, now in self._alone:
            average.lerp_(now, weight.to(average.dtype))
        if self._together:
            averages, followed = zip(*self._together, strict=True)
            differences = torch._foreach_sub(followed, averages)
            torch._foreach_mul_(differences, weight)
            torch._foreach_add_(averages, differences)
        for average, now in self._copied:
            average.copy_(now)


def _goes_alone(tensor: Tensor) -> bool:
    """Whether to average it in one pass of its own, not with others in three: a GPU's launch costs more than a pass."""
    return not tensor.is_cuda or tensor.numel() >= _LARGE


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]
