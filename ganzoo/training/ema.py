"""An exponential moving average of a module's weights and buffers."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


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
        self._averaged = [average for average, now in pairs if now.is_floating_point()]
        self._followed = [now for _, now in pairs if now.is_floating_point()]
        self._copied = [(average, now) for average, now in pairs if not now.is_floating_point()]

    @torch.no_grad()
    def update(self, step: Tensor) -> None:
        """Move the average towards the source; ``step`` is the iteration, int64, 0-dim, on the device."""
        weight = 1 - ((1 + step) / (10 + step)).clamp(max=self._decay)
        if step.device.type == "cpu":  # in one pass over the memory
            for average, now in zip(self._averaged, self._followed, strict=True):
                average.lerp_(now, weight.to(average.dtype))
        else:  # in three launches for all tensors
            differences = torch._foreach_sub(self._followed, self._averaged)
            torch._foreach_mul_(differences, weight)
            torch._foreach_add_(self._averaged, differences)
        for average, now in self._copied:
            average.copy_(now)


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]
