"""Means of logged scalars, summed on the device and read only at log intervals."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.errors import ContractError, NonFiniteError
from ganzoo.game import Terms

_NEVER = 2**62
_SUM, _COUNT, _BAD = range(3)


class Meter:
    """Sums, counts and the first non-finite step of every scalar that passes through.

    Args:
        device: where the scalars live.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._sums: dict[tuple[str, ...], Tensor] = {}
        self._counts: dict[tuple[str, ...], int] = {}
        self._bad: dict[tuple[str, ...], Tensor] = {}

    def add(self, prefix: str, terms: Terms, step: Tensor) -> None:
        """Add 0-dim tensors of iteration ``step`` under ``prefix``; no host synchronisation."""
        if not terms:
            return
        names = tuple(prefix + name for name in terms)
        values = torch.stack(list(terms.values())).detach().float()
        if names not in self._sums:
            self._sums[names] = torch.zeros_like(values)
            self._counts[names] = 0
            self._bad[names] = torch.full_like(values, _NEVER, dtype=torch.int64)
        self._sums[names] += values
        self._counts[names] += 1
        torch.minimum(self._bad[names], torch.where(values.isfinite(), _NEVER, step), out=self._bad[names])

    def read(self) -> dict[str, float]:
        """The mean of each scalar since the last read. Synchronises with the device.

        Raises:
            NonFiniteError: a scalar was NaN or infinite; the message names it and the first step.
        """
        self.check()
        means: dict[str, float] = {}
        for names, sums in self._sums.items():
            means.update(zip(names, (sums / self._counts[names]).tolist(), strict=True))
        self._sums.clear()
        return means

    def check(self) -> None:
        """Raise NonFiniteError if a scalar since the last read was NaN or infinite. Synchronises with the device."""
        for names, first_bad in self._bad.items():
            bad = first_bad.tolist()  # host sync: once a log interval
            if min(bad) < _NEVER:
                step, name = min(zip(bad, names, strict=True))
                raise _non_finite(name, step)

    def state(self) -> dict[str, list[list[float]]]:
        """Plain values from which :meth:`restore` goes on, so that a resumed run logs the same means."""
        return {
            ",".join(names): [sums.tolist(), [self._counts[names]], self._bad[names].tolist()]
            for names, sums in self._sums.items()
        }

    def restore(self, state: dict[str, list[list[float]]]) -> None:
        """Go on from what :meth:`state` gave."""
        self._sums.clear()
        for joined, columns in state.items():
            names = tuple(joined.split(","))
            self._sums[names] = torch.tensor(columns[_SUM], device=self._device)
            self._counts[names] = int(columns[_COUNT][0])
            self._bad[names] = torch.tensor(columns[_BAD], dtype=torch.int64, device=self._device)


def check_terms(player: str, terms: Terms) -> None:
    """Refuse what is no dict of 0-dim tensors, with the way to mend it. Costs no host synchronisation."""
    if not isinstance(terms, dict) or not terms:
        raise ContractError(
            f"the loss of player {player!r} returned {terms!r}; it must be a dict of named 0-dim tensors"
        )
    for name, term in terms.items():
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
        fix="lower the learning rate, or resume from the last checkpoint with another seed",
    )
