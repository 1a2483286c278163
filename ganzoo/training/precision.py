"""The arithmetic of a run: float32, TensorFloat-32, or bfloat16."""

from __future__ import annotations

import torch

from ganzoo.arithmetic import set_products
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


def set_arithmetic(precision: str, device: torch.device) -> None:
    """Let float32 products on CUDA be float32 where that was asked for, else TensorFloat-32.

    Under ``"bf16"`` these are the products of what autocast leaves in float32, above all of gradient penalties.
    """
    set_products("float32" if precision == "fp32" else "tf32", device)


def _has_ampere(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= _AMPERE
