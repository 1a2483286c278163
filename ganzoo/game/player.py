"""A player: whose parameters move, by which loss, through which optimizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from ganzoo.options import OptimizerSpec

from .batch import Terms, Turn


@dataclass(frozen=True, kw_only=True)
class Player:
    """One player of a game.

    In its turn the engine computes ``loss(turn)``, differentiates the sum of the terms with respect to ``params``
    alone (other networks are neither frozen nor touched), and lets the optimizer step.

    Attributes:
        name: unique in the game; prefixes the logged terms (``d/real``).
        params: what moves; may overlap another player's (InfoGAN).
        loss: from a turn to named 0-dim terms.
        optimizer: the update rule as data, or the name of another player whose optimizer and state this one shares
            (lazy regularisation: two losses, one optimizer). The other one's ``params`` must hold all of these, and its
            ``schedule``, ``lr_scale`` and ``betas`` are those that count.
        schedule: from the step, int64 0-dim, to a 0-dim multiplier of the learning rate.
        lr_scale: a 0-dim buffer that multiplies the learning rate.
        betas: from the step, int64 0-dim, to Adam's two decay rates, (2,), in place of those of the optimizer (R3GAN
            ramps the second). torch's fused Adam on CUDA reads them at each step, so such a game runs eagerly there.
        after: called after the update, for weight clipping.
    """

    name: str
    params: Sequence[nn.Parameter]
    loss: Callable[[Turn], Terms]
    optimizer: OptimizerSpec | str
    schedule: Callable[[Tensor], Tensor] | None = None
    lr_scale: Tensor | None = None
    betas: Callable[[Tensor], Tensor] | None = None
    after: Callable[[], None] | None = None
