"""Dropout whose random numbers cost little on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_LEVELS = 1 << 16


class Dropout(nn.Dropout):
    r"""Set each activation to zero with probability p while training, and scale the others up to keep the mean.

    Srivastava et al. 2014, JMLR 15. On a CPU torch draws one 32-bit number after the other and decides on each by a
    function call, which was a sixth of the time of a step of the MLP GAN; here 64 random bits serve four activations.
    So p is rounded to a multiple of :math:`2^{-16}`, and the scale is that of the rounded p. On other devices this is
    torch's own dropout. The numbers come from torch's global stream, which the engine seeds and saves.

    Args:
        p: probability in [0, 1).
    """

    def forward(self, input: Tensor) -> Tensor:
        """Activations of any shape, thinned out in training mode."""
        if input.device.type != "cpu" or not self.training or self.p == 0 or self.inplace:
            return functional.dropout(input, self.p, self.training, self.inplace)
        kept = round((1 - self.p) * _LEVELS)
        if kept == 0:
            return torch.zeros_like(input)
        bits = torch.empty(-(-input.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        draws = bits.view(torch.int16)[: input.numel()].view(input.shape)  # each level equally likely
        mask = (draws < kept - _LEVELS // 2).to(input.dtype) * (_LEVELS / kept)
        return input * mask
