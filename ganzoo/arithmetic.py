"""What float32 is on a device: how products are rounded on an NVIDIA GPU, and the smallest numbers on a CPU.

Products of matrices and convolutions on an NVIDIA GPU are float32, or TensorFloat-32 with 10 bits of mantissa; by
torch's default convolutions are the latter and products of matrices are not. A CPU computes many times more slowly with
denormal numbers, those nearer to 0 than 1.2e-38, unless it takes them for 0; a GPU does not mind them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

Form = Literal["float32", "tf32"]


@contextmanager
def products(form: Form, device: torch.device) -> Iterator[None]:
    """Let products of matrices and convolutions on ``device`` have this form inside the block, in the whole process."""
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision(), convolutions_are_tf32()
    set_float32("high" if form == "tf32" else "highest", form == "tf32")
    try:
        yield
    finally:
        set_float32(*before)


@contextmanager
def denormals_flushed(device: torch.device) -> Iterator[None]:
    """Let the CPU, if it is ``device``, take denormal numbers for 0 inside the block, in this thread.

    Threads that torch starts for it inside the block do so as long as they live; those that it has do not.
    """
    before = denormals_are_zero()
    if device.type == "cpu":
        torch.set_flush_denormal(True)  # where a processor cannot, nothing happens
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def denormals_are_zero() -> bool:
    """Whether this thread takes denormal numbers for 0."""
    return torch.tensor(1e-39).mul(1).item() == 0


def convolutions_are_tf32() -> bool:
    """Whether convolutions of float32 on NVIDIA GPUs are TensorFloat-32 now."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.backends.cudnn.allow_tf32


def set_float32(matmul: str, convolutions: bool) -> None:
    """Set torch's word for the products of matrices, and whether convolutions are TensorFloat-32."""
    # The older of torch's two settings also sets the newer; the other way round the older would raise when read, as
    # torch.backends.cudnn.flags() does. torch advises against the older with a warning.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.set_float32_matmul_precision(matmul)
        torch.backends.cudnn.allow_tf32 = convolutions
