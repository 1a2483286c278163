"""Typed building blocks of every config: frozen, keyword-only, range-checked, and free of torch.

A plugin's options class derives from :class:`Options` (or :class:`GANOptions`, which adds what every two-player GAN
has). The sentence under each field is its ``--help`` text, its line in ``ganzoo info`` and its documentation.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Beta = Annotated[float, Field(ge=0.0, lt=1.0)]
Probability = Annotated[float, Field(ge=0.0, lt=1.0)]
NonNegative = Annotated[float, Field(ge=0.0)]
Positive = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1)]


class Options(BaseModel):
    """Base of every options class: immutable, unknown keys refused, defaults checked, field docstrings kept."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


class OptimizerSpec(Options):
    """An optimizer as data; the engine builds the fastest form of it that the device has.

    Adam: Kingma & Ba 2015, arXiv:1412.6980. RMSprop: Tieleman & Hinton 2012, lecture 6e.
    """

    name: Literal["adam", "rmsprop", "sgd"] = "adam"
    """The update rule."""
    lr: Positive = 2e-4
    """Learning rate."""
    betas: tuple[Beta, Beta] = (0.5, 0.999)
    """Adam's decay rates of the first and second moment."""
    alpha: Beta = 0.99
    """RMSprop's decay rate of the squared gradient."""
    momentum: Beta = 0.0
    """Momentum of SGD and RMSprop."""
    eps: Positive = 1e-8
    """Added to the denominator of Adam and RMSprop."""
    weight_decay: NonNegative = 0.0
    """L2 penalty on the weights, added to the gradient."""


class GANOptions(Options):
    """What every two-player GAN has; a variant overrides the defaults with those of its paper."""

    d_optimizer: OptimizerSpec = OptimizerSpec()
    """Optimizer of the discriminator."""
    g_optimizer: OptimizerSpec = OptimizerSpec()
    """Optimizer of the generator."""
    instance_noise: NonNegative = 0.0
    """Standard deviation of Gaussian noise on the discriminator's input, real and fake (pixels are in [-1, 1])."""
    instance_noise_steps: Annotated[int, Field(ge=0)] = 0
    """Iterations over which the instance noise falls linearly to zero; 0 keeps it constant."""
