r"""Convolutions whose derivative is differentiated as fast as they are themselves.

A convolution is linear in its input and in its weight, so that its gradients are convolutions again: with

.. math:: y = x * w, \qquad \bar x = A(\bar y, w), \qquad \bar w = B(\bar y, x)

each of the three maps is bilinear, and its gradients are the other two. Torch computes the gradient of :math:`A` by
:math:`w`, which a gradient penalty asks for, as a convolution of one image with a kernel as large as the image, for
which a GPU has no fast algorithm; :math:`B` gives the same numbers. The idea is that of ``conv2d_gradfix`` in the code
of Karras et al. 2020, *Training Generative Adversarial Networks with Limited Data*, arXiv:2006.06676.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.overrides import TorchFunctionMode

_backward = torch.ops.aten.convolution_backward.default


class FastSecondDerivatives(TorchFunctionMode):
    """Inside, convolutions of images on CUDA are such, whoever's network they belong to; the results are the same.

    Those that autocast takes to lower precision are left alone, as is everything on another device.
    """

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if function is torch.conv2d:
            bound = _bind(*args, **(kwargs or {}))
            if _is_ours(*bound):
                return convolve(*bound)
        return function(*args, **(kwargs or {}))


def convolve(
    images: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> Tensor:
    """``torch.conv2d`` of ``images`` (N, C, H, W) and ``weight`` (O, C / groups, K, K), to be differentiated twice."""
    output: Tensor = _Convolution.apply(images, weight, bias, (stride, padding, dilation, groups))
    return output


Form = tuple[tuple[int, int], tuple[int, int], tuple[int, int], int]
"""Stride, padding, dilation and groups."""


class _Convolution(torch.autograd.Function):
    """y = x * w + b."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, bias: Tensor | None, form: Form) -> Tensor:
        ctx.save_for_backward(images, weight)
        ctx.form, ctx.biased = form, bias is not None
        return torch.conv2d(images, weight, bias, *form)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        images, weight = ctx.saved_tensors
        return (
            _ByInput.apply(gradient, weight, images, ctx.form) if _is_wanted(ctx, 0) else None,
            _ByWeight.apply(gradient, images, weight, ctx.form) if _is_wanted(ctx, 1) else None,
            gradient.sum((0, 2, 3)) if ctx.biased and _is_wanted(ctx, 2) else None,
            None,
        )


class _ByInput(torch.autograd.Function):
    """A(y, w), of the shape of ``images``, whose values do not matter."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, weight: Tensor, images: Tensor, form: Form) -> Tensor:
        ctx.save_for_backward(gradient, weight)
        ctx.form = form
        result: Tensor = _gradients(gradient, images, weight, form, (True, False))[0]
        return result

    @staticmethod
    def backward(ctx: Any, further: Tensor) -> tuple[Tensor | None, ...]:
        gradient, weight = ctx.saved_tensors
        return (
            _Convolution.apply(further, weight, None, ctx.form) if _is_wanted(ctx, 0) else None,
            _ByWeight.apply(gradient, further, weight, ctx.form) if _is_wanted(ctx, 1) else None,
            None,
            None,
        )


class _ByWeight(torch.autograd.Function):
    """B(y, x), of the shape of ``weight``, whose values do not matter."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, images: Tensor, weight: Tensor, form: Form) -> Tensor:
        ctx.save_for_backward(gradient, images)
        ctx.form = form
        result: Tensor = _gradients(gradient, images, weight, form, (False, True))[1]
        return result

    @staticmethod
    def backward(ctx: Any, further: Tensor) -> tuple[Tensor | None, ...]:
        gradient, images = ctx.saved_tensors
        return (
            _Convolution.apply(images, further, None, ctx.form) if _is_wanted(ctx, 0) else None,
            _ByInput.apply(gradient, further, images, ctx.form) if _is_wanted(ctx, 1) else None,
            None,
            None,
        )


def _gradients(gradient: Tensor, images: Tensor, weight: Tensor, form: Form, wanted: tuple[bool, bool]) -> Any:
    stride, padding, dilation, groups = form
    return _backward(gradient, images, weight, None, stride, padding, dilation, False, [0, 0], groups, [*wanted, False])


def _is_wanted(ctx: FunctionCtx, index: int) -> bool:
    """Whether the backward pass that runs now leads to this input; torch's own functions leave out what does not."""
    node, _ = ctx.next_functions[index]  # type: ignore[attr-defined]
    if node is None:
        return False
    try:
        return bool(torch._C._will_engine_execute_node(node))
    except RuntimeError:  # of a leaf that is asked for: not supported, but then it is
        return True


def _bind(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> tuple[Any, ...]:
    return input, weight, bias, _pair(stride), _pair(padding), _pair(dilation), groups


def _pair(value: Any) -> Any:
    if isinstance(value, int):
        return value, value
    return value if isinstance(value, str) or len(value) == 2 else (value[0], value[0])


def _is_ours(images: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, *rest: Any) -> bool:
    return (
        images.is_cuda and images.ndim == 4 and not isinstance(padding, str) and not torch.is_autocast_enabled("cuda")
    )
