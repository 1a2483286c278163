"""The abstract game: players, rounds, and what is left when the playing is over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .batch import Batch, Terms, Turn
from .player import Player

Plan = tuple[tuple[str, ...], ...]
"""The rounds of one iteration; each names its players in order. ``(("d", "g"),)``: one round, both on one batch."""


@dataclass(frozen=True, kw_only=True)
class DataNeeds:
    """What a game asks of the data.

    Attributes:
        domains: the image tensors of a batch, by name.
        paired: with several domains, whether sample i of one belongs to sample i of the others.
        labels: whether a batch must hold ``labels``.
    """

    domains: tuple[str, ...] = ("images",)
    paired: bool = False
    labels: bool = False


class Game(nn.Module, ABC):
    """A set of networks and the players that move them. See :mod:`ganzoo.game` for the five rules of the step."""

    needs: DataNeeds = DataNeeds()

    @abstractmethod
    def players(self) -> Sequence[Player]:
        """The players. Asked once, after the game was moved to its device."""

    @abstractmethod
    def rounds(self, iteration: int) -> Plan:
        """Who plays in iteration ``iteration`` (from 0): a pure function whose few distinct values are hashable.

        Every round draws its own batch. Each distinct plan is compiled or captured once.
        """

    @abstractmethod
    def exported(self) -> nn.Module:
        """The part that is averaged (EMA), saved apart and sampled: usually the generator."""

    @abstractmethod
    def request(self, n: int, rng: torch.Generator, given: Batch | None = None) -> Batch:
        """Draw what ``n`` outputs are made from, such as latents (N, Z), keeping what ``given`` already holds.

        Raises:
            ConfigError: ``given`` lacks something that cannot be drawn, or holds a value out of range.
        """

    @abstractmethod
    def generate(self, net: nn.Module, request: Batch, rng: torch.Generator) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] from ``net`` (an exported module) in evaluation mode, which is restored."""

    def after_update(self, player: str, terms: Terms, turn: Turn) -> None:
        """Move buffers in place after ``player`` was updated in ``turn``.

        ``terms`` are detached. ``turn`` is the round just played, with its batch, step and
        memo: an image pool takes in the fakes of this round here, and a fade-in moves with the step. An update from
        several batches is still one update: ``terms`` are the means over them, and ``turn`` is the last of its turns,
        so a pool takes in the fakes of one batch.
        """
