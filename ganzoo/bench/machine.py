"""The machine during a benchmark: its load, the GPU's clocks, temperature and energy, and the commit of the code.

What NVML tells needs the package nvidia-ml-py; without it, or without an NVIDIA GPU, those figures are None.
Free of torch.
"""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

from .result import Gauges

_PACKAGE = Path(__file__).parents[1]
_CODE = (_PACKAGE.name, "plugins")
"""What a benchmark runs, in a checkout."""


def gauges(device: str) -> Gauges:
    """The state of the machine at this moment, and of ``device`` where that is an NVIDIA GPU."""
    gpu = _gpu(device)
    if gpu is None:
        return Gauges(load=load_average())
    nvml, handle = gpu
    return Gauges(
        load=load_average(),
        sm_clock_mhz=_ask(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_SM),
        memory_clock_mhz=_ask(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_MEM),
        temperature_c=_ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
        power_watts=_scaled(_ask(nvml.nvmlDeviceGetPowerUsage, handle), 1e-3),
        throttled=_throttled(nvml, handle),
    )


def load_average() -> list[float] | None:
    """Processes that wanted to run, over 1, 5 and 15 minutes; None where the system does not tell."""
    try:
        return [round(each, 2) for each in os.getloadavg()]
    except (AttributeError, OSError):  # Windows has none, and a sandbox may hide it
        return None


def busy_seconds() -> float | None:
    """Seconds since the start in which cores computed or were taken away; None where the system does not tell.

    The first line of Linux's /proc/stat, in ticks: user, nice, system, idle, iowait, irq, softirq, steal (taken away by
    the host of a virtual machine), and guests, who are counted as users already.
    """
    try:
        line = Path("/proc/stat").read_text().split("\n", 1)[0]
    except OSError:  # no Linux, or a sandbox that hides it
        return None
    user, nice, system, _, _, *rest = (int(word) for word in line.split()[1:])
    return (user + nice + system + sum(rest[:3])) / os.sysconf("SC_CLK_TCK")


def millijoules(device: str) -> float | None:
    """Energy that ``device`` has used since its driver was loaded; None where NVML does not tell."""
    gpu = _gpu(device)
    return _scaled(_ask(gpu[0].nvmlDeviceGetTotalEnergyConsumption, gpu[1]), 1.0) if gpu else None


def git() -> dict[str, Any] | None:
    """The commit of this code, and whether it or its plugins were changed since, with a digest of the changes.

    None where it does not run from a repository.
    """
    words = ["git", "-C", str(_PACKAGE.parent)]
    commit = _output([*words, "rev-parse", "HEAD"])
    tracked = _output([*words, "ls-files", f"{_PACKAGE.name}/__init__.py"])
    if not commit or not tracked:  # an installed package may lie inside somebody else's repository
        return None
    changes = _output([*words, "diff", "HEAD", "--", *_CODE])
    for name in _output([*words, "ls-files", "--others", "--exclude-standard", "--", *_CODE]).splitlines():
        changes += f"\n{name}\n{(_PACKAGE.parent / name).read_text(encoding='utf-8', errors='replace')}"
    if not changes:
        return {"commit": commit, "changed": False}
    return {"commit": commit, "changed": True, "changes_sha256": hashlib.sha256(changes.encode()).hexdigest()}


def available_bytes() -> int | None:
    """Memory that programs may still take; None where the system does not tell."""
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        return None
    lines = (line.split() for line in meminfo.read_text().splitlines())
    return next((int(words[1]) * 1024 for words in lines if words[0] == "MemAvailable:"), None)


def free_gpu_bytes(device: str) -> int | None:
    """Memory of ``device`` that programs may still take; None where it is no NVIDIA GPU, or NVML does not tell."""
    gpu = _gpu(device)
    memory = gpu and _ask(gpu[0].nvmlDeviceGetMemoryInfo, gpu[1])
    return int(memory.free) if memory else None


def cores() -> int:
    """Processor cores of this machine."""
    return os.cpu_count() or 1


def page_faults() -> tuple[int, int] | None:
    """Page faults of this process so far, minor and major; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_minflt, usage.ru_majflt


def _output(words: list[str]) -> str:
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


@functools.cache
def _gpu(device: str) -> tuple[Any, Any] | None:
    """NVML and its handle of ``device``; None where there is neither."""
    if not device.startswith("cuda"):
        return None
    try:
        nvml = import_module("pynvml")
        nvml.nvmlInit()
        return nvml, _handle(nvml, int(device.partition(":")[2] or 0))
    except Exception:  # a library, a driver or a permission that is not there; the figures stay empty
        return None


def _handle(nvml: Any, index: int) -> Any:
    """The GPU that CUDA calls ``index``: NVML counts all there are, CUDA those that are visible."""
    visible = [word.strip() for word in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if word.strip()]
    name = visible[index] if visible else str(index)
    return nvml.nvmlDeviceGetHandleByIndex(int(name)) if name.isdecimal() else nvml.nvmlDeviceGetHandleByUUID(name)


def _throttled(nvml: Any, handle: Any) -> list[str]:
    """The reasons that are set, but for an idle GPU and for clocks that an application asked for."""
    bits = _ask(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle) or 0
    prefix = "nvmlClocksThrottleReason"
    harmless = {"None", "All", "GpuIdle", "ApplicationsClocksSetting", "UserDefinedClocks"}
    reasons = {name.removeprefix(prefix): value for name, value in vars(nvml).items() if name.startswith(prefix)}
    return sorted(name for name, bit in reasons.items() if name not in harmless and bits & bit)


def _ask(function: Any, *arguments: Any) -> Any:
    """What NVML answers; None where this GPU does not know."""
    try:
        return function(*arguments)
    except Exception:  # NVMLError, whose class is NVML's own
        return None


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
