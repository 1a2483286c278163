"""What a choice of threads depends on, apart from the model."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import torch

from ganzoo.training.environment import environment

from .allocator import can_keep

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Cores that this process may use: those it is bound to, and no more than its container has time for."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(bound, _quota() or bound)


def idle_cores() -> int:
    """How many of the usable cores had nothing to do in the last minute; all where the system does not tell."""
    try:
        load = os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows has none, and a sandbox may hide it
        load = 0.0
    return max(0, round(usable_cores() - load))


def _quota() -> int | None:
    """Cores' worth of time that Linux gives to this process's control group, rounded up; None for no limit."""
    try:
        limit, period = _QUOTA.read_text().split()
    except (OSError, ValueError):
        return None
    return None if limit == "max" else max(1, math.ceil(int(limit) / int(period)))


def machine() -> dict[str, Any]:
    """The processor, how much of it is usable and idle, and the software that runs on it; plain values."""
    return {
        "cpu": environment(torch.device("cpu"))["cpu"],
        "cores": usable_cores(),
        "idle": idle_cores(),
        "torch": torch.__version__,
        "can_keep": can_keep(),
    }
