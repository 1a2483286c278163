"""The contract, played literally: the reference that faster engines are compared with."""

from __future__ import annotations

import torch
from torch import Tensor, optim

from ganzoo.data.batcher import Batcher
from ganzoo.game import Game, Player, Turn
from ganzoo.options import OptimizerSpec


def make_optimizer(player: Player) -> optim.Optimizer:
    """The plainest form of the optimizer that ``player`` asks for."""
    spec = player.optimizer
    assert isinstance(spec, OptimizerSpec)
    if spec.name == "adam":
        return optim.Adam(player.params, spec.lr, spec.betas, spec.eps, spec.weight_decay)
    if spec.name == "rmsprop":
        return optim.RMSprop(player.params, spec.lr, spec.alpha, spec.eps, spec.weight_decay, spec.momentum)
    return optim.SGD(player.params, spec.lr, spec.momentum, weight_decay=spec.weight_decay)


class PlainEngine:
    """Plays a game on a batcher, one iteration a call."""

    def __init__(self, game: Game, batcher: Batcher, *, seed: int = 0) -> None:
        self.game = game
        self.batcher = batcher
        self.rng = torch.Generator().manual_seed(seed)
        self.iteration = 0
        self.players = {player.name: player for player in game.players()}
        owners = {name: player for name, player in self.players.items() if isinstance(player.optimizer, OptimizerSpec)}
        self.optimizers = {name: make_optimizer(player) for name, player in owners.items()}

    def iterate(self) -> dict[str, Tensor]:
        """Play every round of one iteration; the terms and shown scalars of the last one, as ``player/term``."""
        plan = self.game.rounds(self.iteration)
        self.batcher.prepare(len(plan))
        logged: dict[str, Tensor] = {}
        for names in plan:
            turn = Turn(self.batcher.draw(), self.rng, torch.tensor(self.iteration), names)
            for name in names:
                logged |= self.update(self.players[name], turn)
            logged |= turn.shown
        self.iteration += 1
        return logged

    def update(self, player: Player, turn: Turn) -> dict[str, Tensor]:
        """One player's turn."""
        terms = player.loss(turn)
        for parameter in player.params:
            parameter.grad = None
        torch.stack(list(terms.values())).sum().backward(inputs=list(player.params))
        self.optimizer(player, turn.step).step()
        if player.after is not None:
            player.after()
        detached = {name: term.detach() for name, term in terms.items()}
        self.game.after_update(player.name, detached, turn)
        return {f"{player.name}/{name}": term for name, term in detached.items()}

    def optimizer(self, player: Player, step: Tensor) -> optim.Optimizer:
        """The player's own optimizer or the one that it shares, at its owner's learning rate of this step."""
        owner = player if isinstance(player.optimizer, OptimizerSpec) else self.players[player.optimizer]
        spec = owner.optimizer
        assert isinstance(spec, OptimizerSpec)
        factor = owner.schedule(step) if owner.schedule is not None else 1.0
        scale = owner.lr_scale if owner.lr_scale is not None else 1.0
        optimizer = self.optimizers[owner.name]
        optimizer.param_groups[0]["lr"] = float(spec.lr * factor * scale)
        return optimizer
