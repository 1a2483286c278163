"""Values that change with the step, computed by tensor operations, so that a captured step sees them move."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.options import ScheduleSpec


def multiplier(schedule: ScheduleSpec, step: Tensor) -> Tensor:
    r"""The factor of ``schedule`` at ``step``, float32, 0-dim.

    With t iterations done, w of warm-up, and a decay over T iterations from iteration s to the fraction f:

    .. math::
        m_t = \min(1, (t + 1) / w) \cdot (f + (1 - f)\, d(u)), \qquad u = \mathrm{clip}((t - s) / T, 0, 1)

    where :math:`d(u)` is 1 without decay, :math:`1 - u` for a linear one and :math:`(1 + \cos \pi u) / 2` for a cosine
    (Loshchilov & Hutter 2017, arXiv:1608.03983).

    Args:
        schedule: w, s, T, f and the form of the decay.
        step: t, int64, 0-dim, on any device.
    """
    factor = torch.ones((), dtype=torch.float32, device=step.device)
    if schedule.decay != "none":
        done = ((step - schedule.start) / schedule.steps).clamp(0, 1)
        left = 1 - done if schedule.decay == "linear" else (1 + torch.cos(torch.pi * done)) / 2
        factor = schedule.final + (1 - schedule.final) * left
    if schedule.warmup:
        factor = factor * ((step + 1) / schedule.warmup).clamp(max=1)
    return factor
