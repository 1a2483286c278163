"""What machine and which software something runs on, as far as that can be told without torch."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import Any

_RECORDED = ("ganzoo", "torch", "torchvision", "numpy", "pydantic", "safetensors")


def host() -> dict[str, Any]:
    """``python``, ``platform``, ``packages`` with their versions, ``cpu`` and ``cores``."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: metadata.version(name) for name in _RECORDED},
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
    }


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
