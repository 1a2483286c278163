r"""Fused optimizers as arithmetic, which a compiler fuses better on a GPU.

Torch's fused Adam gives each of its blocks of threads 65,536 numbers. A network of a million weights keeps 16 of a
GPU's 132 multiprocessors busy then, and none of the arithmetic around it can join: the gradients are written and read
again, and so are the weights by the average of the generator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

Expansions = Mapping[Any, Callable[..., None]]
"""By operator, a function of the same arguments that does the same by other operators."""


def adam(
    params: list[Tensor],
    grads: list[Tensor],
    exp_avgs: list[Tensor],
    exp_avg_sqs: list[Tensor],
    max_exp_avg_sqs: list[Tensor],
    steps: list[Tensor],
    *,
    lr: float | Tensor,
    beta1: float,
    beta2: float,
    weight_decay: float,
    eps: float,
    amsgrad: bool,
    maximize: bool,
    grad_scale: Tensor | None = None,
    found_inf: Tensor | None = None,
) -> None:
    r"""What ``aten._fused_adam_`` does (Kingma & Ba 2015, arXiv:1412.6980), in place, after ``steps`` were counted.

    .. math::
        m &\leftarrow \beta_1 m + (1 - \beta_1) g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        \theta &\leftarrow \theta - \frac{\eta}{1 - \beta_1^t} \frac{m}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    Args:
        params: :math:`\theta`, float32.
        grads: g.
        exp_avgs: m.
        exp_avg_sqs: v.
        max_exp_avg_sqs: empty.
        steps: t, 0-dim, the same number for each of ``params``.
        lr: :math:`\eta`, a 0-dim tensor if it moves.
        beta1: of m.
        beta2: of v.
        weight_decay: times :math:`\theta` is added to g.
        eps: :math:`\epsilon`.
        amsgrad: False, as are the next three: ganzoo's options have none of them.
        maximize: False.
        grad_scale: None.
        found_inf: None.
    """
    assert not amsgrad
    assert not maximize
    assert grad_scale is found_inf is None
    step = steps[0].double()
    rate = (lr / (1 - beta1**step)).float()
    spread = (1 - beta2**step).sqrt().float()
    if weight_decay:
        grads = list(torch._foreach_add(grads, params, alpha=weight_decay))
    torch._foreach_lerp_(exp_avgs, grads, 1 - beta1)
    torch._foreach_mul_(exp_avg_sqs, beta2)
    torch._foreach_addcmul_(exp_avg_sqs, grads, grads, 1 - beta2)
    moves = torch._foreach_sqrt(exp_avg_sqs)
    torch._foreach_div_(moves, spread)
    torch._foreach_add_(moves, eps)
    moves = torch._foreach_div(exp_avgs, moves)
    torch._foreach_mul_(moves, rate)
    torch._foreach_sub_(params, moves)


ADAM: Expansions = {torch.ops.aten._fused_adam_.default: adam, torch.ops.aten._fused_adam_.tensor_lr: adam}
"""For GPUs. On a CPU the fused operator is the faster one."""
