"""Devices, and the facts about machine and software that a run records."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

from ganzoo.errors import ConfigError

from .host import host


def find_device(name: str) -> torch.device:
    """The device called ``name``; ``auto`` takes the first GPU there is, else the CPU.

    Raises:
        ConfigError: this machine, or this build of torch, does not have it.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    available = ["auto", "cpu"]
    available += [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    available += ["mps"] if torch.backends.mps.is_available() else []
    plain = "cuda:0" if name == "cuda" else name
    if plain not in available:
        raise ConfigError(f"--device {name} is not on this machine", choices=available)
    return torch.device(plain)


def make_current(device: torch.device) -> None:
    """Let CUDA's streams, events and graphs of this process be made on ``device``; nothing for another kind."""
    if device.type == "cuda":
        torch.cuda.set_device(device)


def environment(device: torch.device) -> dict[str, Any]:
    """Versions of the software, and what the machine is."""
    facts = {**host(), "threads": torch.get_num_threads(), "device": str(device)}
    if device.type == "cuda":
        facts["gpu"] = torch.cuda.get_device_name(device)
        facts["cuda"] = torch.version.cuda
    return facts


def peak_memory() -> int | None:
    """The largest resident size of this process so far, in bytes; None where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage tells the peak of the parent where that was larger
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
