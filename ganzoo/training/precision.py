"""The arithmetic of a run: float32, TensorFloat-32, or bfloat16."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ganzoo.arithmetic import denormals_flushed, products
from ganzoo.errors import ConfigError

_AMPERE = (8, 0)


def resolve_precision(asked: str, device: torch.device) -> str:
    """``asked``, or for ``"auto"`` bfloat16 where the processor computes in it, else float32.

    Raises:
        ConfigError: ``"tf32"`` on something else than an NVIDIA GPU of 2020 or later.
    """
    if asked == "tf32" and not _has_ampere(device):
        raise ConfigError(
            f"--precision tf32 is an arithmetic of NVIDIA GPUs (Ampere and later); this run is on {device}",
            choices=("auto", "fp32", "bf16"),
        )
    if asked != "auto":
        return asked
    return "bf16" if has_bfloat16(device) else "fp32"


def has_bfloat16(device: torch.device) -> bool:
    """Whether ``device`` multiplies bfloat16 matrices in hardware."""
    if device.type == "cuda":
        return _has_ampere(device)
    return device.type == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


@contextmanager
def arithmetic(precision: str, device: torch.device) -> Iterator[None]:
    """Inside the block, what a run computes in; afterwards, what the process did before.

    Products of float32 on CUDA are float32 where that was asked for, else TensorFloat-32: under ``"bf16"`` these are
    those of what autocast leaves in float32, above all of gradient penalties. On a CPU denormal numbers, of which
    weight decay makes many, are 0.
    """
    with products("float32" if precision == "fp32" else "tf32", device), denormals_flushed(device):
        yield


def _has_ampere(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= _AMPERE
