"""Typed building blocks of every config: frozen, keyword-only, range-checked, and free of torch.

A plugin's options class derives from :class:`Options` (or :class:`GANOptions`, which adds what every two-player GAN
has). The sentence under each field is its ``--help`` text, its line in ``ganzoo info`` and its documentation.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)


def known_device(name: str) -> str:
    """``name``, if a device can be called so; whether the machine has it is another question."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?|mps", name):
        raise ValueError(f"no device is called {name!r}; choose auto, cpu, cuda, cuda:N or mps")
    return name


def _number_of_threads(given: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """``given`` as ``check`` has it, auto for None; one error tells both choices, where a union would make two."""
    try:
        return check("auto" if given is None else given)
    except ValidationError:
        problem = f"{given!r} is no number of threads; choose auto, or a whole number from 1 on"
        raise ValueError(problem) from None


Beta = Annotated[float, Field(ge=0.0, lt=1.0)]
Probability = Annotated[float, Field(ge=0.0, lt=1.0)]
NonNegative = Annotated[float, Field(ge=0.0)]
Positive = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1)]
Device = Annotated[str, AfterValidator(known_device)]
"""Where something runs: auto, cpu, cuda, cuda:N or mps."""
Threads = Annotated[Literal["auto"] | Count, WrapValidator(_number_of_threads)]
"""CPU threads of a tensor operation: auto, or a number."""

_IDLE = {"adam": ("alpha", "momentum"), "rmsprop": ("betas",), "sgd": ("betas", "alpha", "eps")}
"""By update rule, the options of an optimizer that it has no use for."""


class Options(BaseModel):
    """Base of every options class: immutable, unknown keys refused, defaults checked, field docstrings kept."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


class ScheduleSpec(Options):
    """How a value moves with the iteration: a rise from zero at the start, and a decay later; see the contract."""

    warmup: Annotated[int, Field(ge=0)] = 0
    """Iterations over which the value rises linearly to its full size; 0 starts there."""
    decay: Literal["none", "linear", "cosine"] = "none"
    """Form of the decay."""
    start: Annotated[int, Field(ge=0)] = 0
    """Iteration at which the decay begins."""
    steps: Annotated[int, Field(ge=0)] = 0
    """Iterations that the decay takes; a decay needs at least 1."""
    final: NonNegative = 0.0
    """What is left of the value after the decay, as a fraction of it; above 1 it grows."""

    @model_validator(mode="after")
    def _decays_over_some_time(self) -> ScheduleSpec:
        if (self.decay == "none") != (self.steps == 0):
            raise ValueError(
                f"decay is {self.decay!r} and steps {self.steps}; a decay takes at least 1 step, and 'none' takes 0"
            )
        return self

    @property
    def moves(self) -> bool:
        """Whether the value ever changes."""
        return self.warmup > 0 or self.decay != "none"


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
    max_grad_norm: Positive | None = None
    """Scale the gradients down when the norm of all of them together exceeds this; None never does."""
    schedule: ScheduleSpec = ScheduleSpec()
    """How the learning rate moves with the iteration."""

    def idle(self, usual: OptimizerSpec | None = None) -> str:
        """What tells of an option that was set and does nothing, the update rule having no use for it; empty if none.

        Args:
            usual: what would be there if nothing was set; its values and the defaults pass.
        """
        for name in _IDLE[self.name]:
            value = getattr(self, name)
            if value not in (type(self).model_fields[name].default, getattr(usual, name, None)):
                users = " and ".join(rule for rule, idle in _IDLE.items() if name not in idle)
                return f"{name} is {value}, and {self.name} has no use for it; it is for {users}"
        return ""


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
