"""What a product of float32 matrices is on an NVIDIA GPU: float32, or TensorFloat-32, with 10 bits of mantissa.

By torch's default convolutions are TensorFloat-32 and products of matrices are not. Nothing here does anything on
another device.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

Form = Literal["float32", "tf32"]


def set_products(form: Form, device: torch.device) -> None:
    """Let products of matrices and convolutions on ``device`` be of this form, in the whole process."""
    if device.type == "cuda":
        set_float32("high" if form == "tf32" else "highest", form == "tf32")


@contextmanager
def products(form: Form, device: torch.device) -> Iterator[None]:
    """The same inside the block alone."""
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision(), convolutions_are_tf32()
    set_products(form, device)
    try:
        yield
    finally:
        set_float32(*before)


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
