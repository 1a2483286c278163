"""Means of logged scalars, summed on the device and read only at log intervals."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganzoo.errors import ContractError, NonFiniteError
from ganzoo.game import Terms

_NEVER = 2**62
Names = tuple[str, ...]


@dataclass
class _Row:
    """What is known of the scalars of one kind of iteration; a name may come several times.

    Attributes:
        sums: of each scalar, and after them the number of iterations, float64 (k + 1,).
        bad: the first step at which each scalar was not finite, int64 (k,).
    """

    sums: Tensor
    bad: Tensor


class Meter:
    """Sums, counts and the first non-finite step of every scalar that passes through.

    The scalars of an iteration are collected by :meth:`add` and taken in by :meth:`commit`, in a handful of tensor
    operations whatever their number. Their memory stays where it is, so that a captured iteration finds it.

    Args:
        device: where the scalars live.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        # Sums of a few thousand float32 are exact enough in float32 where float64 is not to be had.
        self._dtype = torch.float32 if device.type == "mps" else torch.float64
        self._rows: dict[Names, _Row] = {}
        self._pending: list[tuple[str, Tensor]] = []
        self._one = torch.ones((), device=device)

    def add(self, prefix: str, terms: Terms) -> None:
        """Collect 0-dim tensors of this iteration under ``prefix``."""
        self._pending += [(prefix + name, value.detach()) for name, value in terms.items()]

    def commit(self, step: Tensor) -> None:
        """Take in what was collected as iteration ``step``, int64, 0-dim; no host synchronisation."""
        if not self._pending:
            return
        names, values = zip(*self._pending, strict=True)
        self._pending.clear()
        row = self._row(names)
        stacked = torch.stack([*(value.float() for value in values), self._one])
        row.sums += stacked
        torch.minimum(row.bad, torch.where(stacked[:-1].isfinite(), _NEVER, step), out=row.bad)

    def read(self) -> dict[str, float]:
        """The mean of each scalar since the last read. Synchronises with the device.

        Raises:
            NonFiniteError: a scalar was NaN or infinite; the message names it and the first step.
        """
        self.check()
        totals: dict[str, list[float]] = {}
        for names, row in self._rows.items():
            *sums, count = row.sums.tolist()
            for name, value in zip(names, sums, strict=True):
                if count:
                    total = totals.setdefault(name, [0.0, 0.0])
                    total[0] += value
                    total[1] += count
            row.sums.zero_()
        return {name: value / count for name, (value, count) in totals.items()}

    def check(self) -> None:
        """Raise NonFiniteError if a scalar since the last read was NaN or infinite. Synchronises with the device."""
        first = [
            (step, index, name)
            for names, row in self._rows.items()
            for index, (step, name) in enumerate(zip(row.bad.tolist(), names, strict=True))  # host sync
            if step < _NEVER
        ]
        if first:
            step, _, name = min(first)
            raise _non_finite(name, step)

    def tensors(self) -> list[Tensor]:
        """All memory, for whoever puts it back in place."""
        return [tensor for row in self._rows.values() for tensor in (row.sums, row.bad)]

    def state(self) -> dict[str, list[list[float]]]:
        """Plain values from which :meth:`restore` goes on, so that a resumed run logs the same means."""
        return {
            ",".join(names): [row.sums.tolist(), row.bad.tolist()]
            for names, row in self._rows.items()
            if row.sums[-1].item()
        }

    def restore(self, state: dict[str, list[list[float]]]) -> None:
        """Go on from what :meth:`state` gave; what an iteration that was broken off has added is forgotten."""
        self._pending.clear()
        for row in self._rows.values():
            row.sums.zero_()
            row.bad.fill_(_NEVER)
        for joined, (sums, bad) in state.items():
            row = self._row(tuple(joined.split(",")))
            row.sums.copy_(torch.tensor(sums, dtype=torch.float64))
            row.bad.copy_(torch.tensor(bad, dtype=torch.int64))

    def _row(self, names: Names) -> _Row:
        if names not in self._rows:
            self._rows[names] = _Row(
                sums=torch.zeros(len(names) + 1, dtype=self._dtype, device=self._device),
                bad=torch.full((len(names),), _NEVER, dtype=torch.int64, device=self._device),
            )
        return self._rows[names]


def check_terms(player: str, terms: Terms) -> None:
    """Refuse what is no dict of 0-dim tensors, with the way to mend it. Costs no host synchronisation."""
    if not isinstance(terms, dict) or not terms:
        raise ContractError(
            f"the loss of player {player!r} returned {terms!r}; it must be a dict of named 0-dim tensors"
        )
    for name, term in terms.items():
        if not isinstance(name, str) or "," in name:
            raise ContractError(f"term {name!r} of player {player!r} has no name to log it by: a text without commas")
        if not isinstance(term, Tensor) or term.ndim != 0:
            what = f"a tensor of shape {tuple(term.shape)}" if isinstance(term, Tensor) else type(term).__name__
            raise ContractError(
                f"term {name!r} of player {player!r} is {what}; it must be a 0-dim tensor",
                fix="take .mean() over the batch",
            )


def _non_finite(name: str, step: int) -> NonFiniteError:
    player, _, term = name.rpartition("/")
    whose = f" of player {player!r}" if player else ""
    return NonFiniteError(
        f"term {term!r}{whose} stopped being finite at step {step}",
        fix="start anew with a lower learning rate or another seed; the last checkpoint is intact",
    )
