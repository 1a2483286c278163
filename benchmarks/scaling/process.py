"""What a process takes, as Linux tells it: memory, processor time, open files. Free of torch."""

from __future__ import annotations

import gc
import multiprocessing
import os
import time
from pathlib import Path

PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def readable() -> bool:
    """Whether this system tells all of it."""
    return all((PROC / "self" / name).exists() for name in ("statm", "status", "smaps_rollup", "fd"))


def resident() -> int:
    """Bytes of this process that are in memory now."""
    return int((PROC / "self/statm").read_text().split()[1]) * _PAGE


def peak() -> int:
    """The most bytes of this process that were in memory at once.

    Not ``getrusage``, whose peak a process inherits from the one that started it.
    """
    return _kilobytes(PROC / "self/status", "VmHWM:") * 1024


def shared_out(pid: int) -> int:
    """Bytes in memory of process ``pid``, each page that several processes share divided among them (PSS)."""
    return _kilobytes(PROC / str(pid) / "smaps_rollup", "Pss:") * 1024


def workers() -> list[int]:
    """The processes that this one started with :mod:`multiprocessing` and that run."""
    return [child.pid for child in multiprocessing.active_children() if child.pid is not None]


def cpu_seconds() -> float:
    """Processor time of this process and of its workers that run."""
    return time.process_time() + sum(map(_cpu_seconds, workers()))


def open_files() -> int:
    """Descriptors that are open."""
    return len(os.listdir(PROC / "self/fd"))


def objects() -> int:
    """Python objects that the collector knows and cannot collect."""
    gc.collect()
    return len(gc.get_objects())


def _cpu_seconds(pid: int) -> float:
    """User and system time, fields 14 and 15 of proc(5); field 2, a name in parentheses, may hold anything."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _kilobytes(path: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(name))
