"""From an OptimizerSpec to the optimizer that runs it, with a learning rate that may be a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer, RMSprop

from ganzoo.errors import CheckpointError, ContractError
from ganzoo.game import Player
from ganzoo.options import OptimizerSpec

_FUSED = ("cpu", "cuda", "mps")


class PlayerOptimizer:
    """The optimizer of one player, or of several that share it.

    A learning rate that moves (a schedule, or a scale that the game lowers) is a 0-dim tensor, rewritten in place
    before each step, so that a captured step sees it move. So are Adam's betas where the player moves them, which is
    tested on CPU only.

    Args:
        player: whose parameters and rate; its ``optimizer`` must be an OptimizerSpec.
        device: where the parameters live.

    Raises:
        ContractError: the player moves the betas of an optimizer that has none.
    """

    def __init__(self, player: Player, device: torch.device) -> None:
        spec = player.optimizer
        assert isinstance(spec, OptimizerSpec)
        self._player = player
        self._base = spec.lr
        # Adam wants the rate as a tensor, too, where the betas are.
        moves = player.schedule is not None or player.lr_scale is not None or player.betas is not None
        self._lr = torch.tensor(spec.lr, device=device) if moves else None
        self.params = list(player.params)
        self._betas = torch.tensor(spec.betas, device=device) if player.betas is not None else None
        if self._betas is not None and spec.name != "adam":
            raise ContractError(
                f"player {player.name!r} moves the betas of {spec.name}, which has none", choices=["adam"]
            )
        betas = spec.betas if self._betas is None else self._betas.unbind()
        self.inner = _build(spec, self.params, device, spec.lr if self._lr is None else self._lr, betas)

    def step(self, step: Tensor) -> None:
        """Update the parameters from their gradients; ``step`` is the iteration, int64, 0-dim."""
        if self._lr is not None:
            self._lr.fill_(self._base)
            if self._player.schedule is not None:
                self._lr.mul_(self._player.schedule(step))
            if self._player.lr_scale is not None:
                self._lr.mul_(self._player.lr_scale)
        if self._betas is not None and self._player.betas is not None:
            self._betas.copy_(self._player.betas(step))
        self.inner.step()

    def state(self) -> dict[str, Tensor]:
        """The optimizer's tensors under ``"<index of the parameter>.<name>"``."""
        return {
            f"{index}.{name}": value
            for index, parameter in enumerate(self.params)
            for name, value in self.inner.state.get(parameter, {}).items()
            if isinstance(value, Tensor)
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take over what :meth:`state` gave.

        Raises:
            CheckpointError: it belongs to other parameters.
        """
        self.inner.state.clear()
        for key, value in state.items():
            index, _, name = key.partition(".")
            if not index.isdecimal() or int(index) >= len(self.params):
                raise CheckpointError(f"optimizer state {self._player.name}.{key} belongs to no parameter")
            parameter = self.params[int(index)]
            if value.ndim and value.shape != parameter.shape:
                raise CheckpointError(
                    f"optimizer state {self._player.name}.{key} has the shape {tuple(value.shape)}, "
                    f"its parameter {tuple(parameter.shape)}"
                )
            self.inner.state[parameter][name] = value.to(parameter.device, copy=True)


def _build(
    spec: OptimizerSpec, params: Sequence[nn.Parameter], device: torch.device, lr: float | Tensor, betas: Any
) -> Optimizer:
    fused = device.type in _FUSED
    if spec.name == "adam":
        return Adam(params, lr=lr, betas=betas, eps=spec.eps, weight_decay=spec.weight_decay, fused=fused)
    if spec.name == "sgd":
        return SGD(params, lr=lr, momentum=spec.momentum, weight_decay=spec.weight_decay, fused=fused)
    return RMSprop(
        params,
        lr=lr,
        alpha=spec.alpha,
        eps=spec.eps,
        momentum=spec.momentum,
        weight_decay=spec.weight_decay,
        # There is no fused RMSprop; with capturable the step counter stays on the device.
        capturable=device.type == "cuda",
    )
