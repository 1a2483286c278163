"""From an OptimizerSpec to the optimizer that runs it, with a learning rate that may be a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import SGD, Adam, Optimizer, RMSprop

from ganzoo.errors import CheckpointError, ContractError
from ganzoo.game import Player, multiplier
from ganzoo.options import OptimizerSpec

_FUSED = ("cpu", "cuda", "mps")


class PlayerOptimizer:
    """The optimizer of one player, or of several that share it.

    A learning rate that moves (a schedule, or a scale that the game lowers) is a 0-dim tensor, rewritten in place
    before each step, so that a captured step sees it move. So are Adam's betas where the player moves them, which is
    tested on CPU only. All state exists from the start and keeps its memory, so that a captured step finds it.

    Args:
        player: whose parameters and rate; its ``optimizer`` must be an OptimizerSpec.
        device: where the parameters live.

    Raises:
        ContractError: the player moves the betas of an optimizer that has none.
    """

    def __init__(self, player: Player, device: torch.device) -> None:
        spec = player.optimizer
        assert isinstance(spec, OptimizerSpec)
        self._player, self._spec = player, spec
        # Adam wants the rate as a tensor, too, where the betas are.
        moves = spec.schedule.moves or any(
            part is not None for part in (player.schedule, player.lr_scale, player.betas)
        )
        self._lr = torch.tensor(spec.lr, device=device) if moves else None
        self.params = list(player.params)
        self._betas = torch.tensor(spec.betas, device=device) if player.betas is not None else None
        if self._betas is not None and spec.name != "adam":
            raise ContractError(
                f"player {player.name!r} moves the betas of {spec.name}, which has none", choices=["adam"]
            )
        betas = spec.betas if self._betas is None else self._betas.unbind()
        self.inner = _build(spec, self.params, device, spec.lr if self._lr is None else self._lr, betas)
        self._make_state()

    def step(self, step: Tensor) -> dict[str, Tensor]:
        """Update the parameters from their gradients, and return what is worth logging.

        Args:
            step: the iteration, int64, 0-dim.

        Returns:
            ``grad_norm``, the norm of all gradients before they were clipped, where they are.
        """
        if self._lr is not None:
            self._lr.fill_(self._spec.lr)
            if self._spec.schedule.moves:
                self._lr.mul_(multiplier(self._spec.schedule, step))
            if self._player.schedule is not None:
                self._lr.mul_(self._player.schedule(step))
            if self._player.lr_scale is not None:
                self._lr.mul_(self._player.lr_scale)
        if self._betas is not None and self._player.betas is not None:
            self._betas.copy_(self._player.betas(step))
        shown = self._clip()
        self.inner.step()
        return shown

    def state(self) -> dict[str, Tensor]:
        """The optimizer's tensors under ``"<index of the parameter>.<name>"``."""
        return {
            f"{index}.{name}": value
            for index, parameter in enumerate(self.params)
            for name, value in self.inner.state.get(parameter, {}).items()
            if isinstance(value, Tensor)
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take over what :meth:`state` gave, in place.

        Raises:
            CheckpointError: it belongs to other parameters.
        """
        mine = self.state()
        for key in mine.keys() | state.keys():
            name = f"optimizer state {self._player.name}.{key}"
            if key not in mine:
                raise CheckpointError(f"{name} belongs to no parameter")
            if key not in state:
                raise CheckpointError(f"{name} is not there")
            if state[key].shape != mine[key].shape:
                raise CheckpointError(f"{name} has the shape {tuple(state[key].shape)}, not {tuple(mine[key].shape)}")
        for key, value in mine.items():
            value.copy_(state[key])

    def _clip(self) -> dict[str, Tensor]:
        if self._spec.max_grad_norm is None:
            return {}
        gradients = [parameter.grad for parameter in self.params if parameter.grad is not None]
        norm = get_total_norm(gradients)
        clip_grads_with_norm_(self.params, self._spec.max_grad_norm, norm)
        return {"grad_norm": norm}

    def _make_state(self) -> None:
        """Let the optimizer make its state, by a step that moves nothing, and set all of it to zero."""
        (group,) = self.inner.param_groups
        kept, group["lr"] = group["lr"], 0.0 if self._lr is None else torch.zeros_like(self._lr)
        for parameter in self.params:
            parameter.grad = torch.zeros_like(parameter)
        self.inner.step()
        self.inner.zero_grad(set_to_none=True)
        group["lr"] = kept
        for value in self.state().values():
            value.zero_()


def _build(
    spec: OptimizerSpec, params: Sequence[nn.Parameter], device: torch.device, lr: float | Tensor, betas: Any
) -> Optimizer:
    fused = device.type in _FUSED
    capturable = device.type == "cuda"
    if spec.name == "adam":
        optimizer: Optimizer = Adam(
            params,
            lr=lr,
            betas=betas,
            eps=spec.eps,
            weight_decay=spec.weight_decay,
            fused=fused,
            capturable=capturable,
        )
    elif spec.name == "sgd":
        return SGD(params, lr=lr, momentum=spec.momentum, weight_decay=spec.weight_decay, fused=fused)
    else:
        optimizer = (_MovingRMSprop if isinstance(lr, Tensor) and not capturable else RMSprop)(
            params,
            lr=lr,
            alpha=spec.alpha,
            eps=spec.eps,
            momentum=spec.momentum,
            weight_decay=spec.weight_decay,
            # There is no fused RMSprop; with capturable the step counter stays on the device.
            capturable=capturable,
        )
    # One optimizer serves all tiers, so it is capturable where none of them captures; torch would warn of that.
    optimizer._warned_capturable_if_run_uncaptured = True
    return optimizer


class _MovingRMSprop(RMSprop):
    """RMSprop whose rate is a tensor that nobody reads: torch asks for its value at every step, but on CUDA."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        (group,) = self.param_groups
        params: list[Tensor] = []
        grads: list[Tensor] = []
        squares: list[Tensor] = []
        momenta: list[Tensor] = []
        steps: list[Tensor] = []
        self._init_group(group, params, grads, squares, momenta, [], steps)  # type: ignore[no-untyped-call]
        for parameter, grad, square, step in zip(params, grads, squares, steps, strict=True):
            step += 1
            if group["weight_decay"]:
                grad = grad.add(parameter, alpha=group["weight_decay"])
            square.mul_(group["alpha"]).addcmul_(grad, grad, value=1 - group["alpha"])
            move = grad / square.sqrt().add_(group["eps"])
            if group["momentum"]:
                move = momenta.pop(0).mul_(group["momentum"]).add_(move)
            parameter.sub_(move * group["lr"])
