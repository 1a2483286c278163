"""Whether glibc returns freed tensor memory to the system, or keeps it for the next tensor.

A training step frees what it allocated. glibc gives large blocks back at once and trims the heap when its end is free,
so that the next step faults each page in again, zeroed by the kernel: up to 26 ms a step were measured on DCGAN. Memory
that is kept costs no faults, and the process stays as large as its largest moment.

The settings hold for the whole process, and glibc cannot be asked for them; hence this module remembers what it set.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Literal

from ganzoo.errors import ConfigError

Allocator = Literal["system", "keep"]

# Parameters of mallopt(3), from malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4

# Blocks of M_MMAP_THRESHOLD bytes and more are mapped one by one and unmapped when freed. Raising it is not enough,
# since glibc caps it at 32 MiB (newer ones accept more). With no mapped blocks allowed, all come from the heap, and a
# trim threshold of -1 never shortens that.
_KEEP = {_MMAP_MAX: 0, _TRIM_THRESHOLD: -1}

# Not the documented defaults of 128 KiB: untouched, glibc raises both thresholds to what it sees freed, at most to
# these values, and the first mallopt stops that for good. Fixed at 128 KiB, a step of the MLP GAN had four times as
# many faults as untouched.
_RELEASE = {_MMAP_MAX: 65536, _MMAP_THRESHOLD: 32 << 20, _TRIM_THRESHOLD: 64 << 20}

_keeping = False


def can_keep() -> bool:
    """Whether this process has glibc's allocator, on 64 bits."""
    if sys.platform != "linux" or sys.maxsize < 2**32:
        return False
    libc = ctypes.CDLL(None)
    return hasattr(libc, "gnu_get_libc_version") and hasattr(libc, "mallopt")


def keeping() -> bool:
    """Whether :func:`keep_freed_memory` holds now."""
    return _keeping


def keep_freed_memory() -> None:
    """Keep freed memory in the process from now on, until :func:`release`.

    Raises:
        ConfigError: there is no glibc, or it refuses.
    """
    global _keeping
    if not can_keep():
        raise ConfigError(
            "allocator 'keep' needs Linux with glibc on 64 bits, which this is not", choices=["auto", "system"]
        )
    _set(_KEEP)
    _keeping = True


def release() -> None:
    """Return what is free to the system, and freed memory from now on; nothing happens without glibc.

    Afterwards glibc is where its own adjusting ends, not where it begins: blocks of 32 MiB and more are returned when
    they are freed, and the end of the heap when more than 64 MiB of it are free.

    Raises:
        ConfigError: glibc refuses.
    """
    global _keeping
    if not can_keep():
        return
    _set(_RELEASE)
    _keeping = False
    ctypes.CDLL(None).malloc_trim(ctypes.c_size_t(0))  # its result says whether there was something to return


def _set(values: dict[int, int]) -> None:
    mallopt = ctypes.CDLL(None).mallopt
    for parameter, value in values.items():
        if mallopt(ctypes.c_int(parameter), ctypes.c_int(value)) != 1:
            raise ConfigError(
                f"the allocator refuses mallopt({parameter}, {value})", fix="choose the allocator 'system'"
            )
