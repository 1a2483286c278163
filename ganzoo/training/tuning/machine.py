"""What a choice of threads depends on, apart from the model."""

from __future__ import annotations

import os
from typing import Any

import torch

from ganzoo.training.environment import environment

from .allocator import can_keep


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def idle_cores() -> int:
    """How many of the usable cores had nothing to do in the last minute; all where the system does not tell."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return max(0, round(usable_cores() - load))


def machine() -> dict[str, Any]:
    """The processor, how much of it is usable and idle, and the software that runs on it; plain values."""
    return {
        "cpu": environment(torch.device("cpu"))["cpu"],
        "cores": usable_cores(),
        "idle": idle_cores(),
        "torch": torch.__version__,
        "can_keep": can_keep(),
    }
