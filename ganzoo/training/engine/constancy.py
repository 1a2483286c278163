"""Finding what Python changes between two iterations, which a recorded step would not see.

A parity gate of a few iterations does not find it: a counter that lowers a weight by a thousandth in each is within
rounding. But two iterations of the same plan must be the same, operation by operation, up to the values in memory.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from .syncs import Place, place_of, quote
from .tape import key_of, storage_of, tensors_in


class Trace(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes each operation that runs inside ``with trace:``, its line, and what it takes from outside.

    Unlike a tape it holds none of the memory that an iteration makes, which for a large network is too much.

    Attributes:
        calls: of operators: the operator, its arguments in one row, its line. A tensor that was made inside is None.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[tuple[Any, list[Any], Place]] = []
        # As long as the reference is there, no other memory goes by the same number, though what is in it is freed.
        self._made: dict[int, StorageWeakRef] = {}

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if str(function).startswith("profiler."):
            return result
        given = {storage_of(tensor) for tensor in tensors_in((args, kwargs))}
        row = [self._outside(leaf) if isinstance(leaf, Tensor) else leaf for leaf in tree_leaves((args, kwargs or {}))]
        self.calls.append((function, row, place_of(sys._getframe(1))))
        for tensor in tensors_in(result):
            if storage_of(tensor) not in given:
                self._made[storage_of(tensor)] = StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call]
        return result

    def _outside(self, tensor: Tensor) -> Tensor | None:
        return None if storage_of(tensor) in self._made else tensor.detach()


def trace(body: Callable[[], None]) -> Trace:
    """The trace of ``body``, which runs once."""
    made = Trace()
    with made:
        body()
    return made


def find_change(one: Trace, other: Trace) -> str:
    """What ``other``, a trace of the same some iterations later, does otherwise; empty if nothing."""
    for (before, old, _), (after, new, place) in zip(one.calls, other.calls, strict=False):
        change = _change(old, new) if before is after else f"from {before} to {after}"
        if change:
            return f"the step changes between iterations, {change}, at {quote(place)}"
    if len(one.calls) != len(other.calls):
        return f"the step changes between iterations, from {len(one.calls)} operations to {len(other.calls)}"
    return ""


def _change(old: list[Any], new: list[Any]) -> str:
    if len(old) != len(new):
        return f"from {len(old)} arguments to {len(new)}"
    return next((_say(before, after) for before, after in zip(old, new, strict=True) if not _same(before, after)), "")


def _same(old: Any, new: Any) -> bool:
    """Whether two arguments are the same: memory, or a constant."""
    if isinstance(old, Tensor) and isinstance(new, Tensor):
        alike = (old.dtype, old.device, old.shape) == (new.dtype, new.device, new.shape)
        return alike and (key_of(old) == key_of(new) or torch.equal(old, new))
    if isinstance(old, Tensor) or isinstance(new, Tensor):
        return False
    return bool(old == new) or all(isinstance(value, float) and math.isnan(value) for value in (old, new))


def _say(old: Any, new: Any) -> str:
    if any(value is None or (isinstance(value, Tensor) and value.numel() > 1) for value in (old, new)):
        return "from one tensor to another"
    before, after = (f"{value.item():g}" if isinstance(value, Tensor) else value for value in (old, new))
    return f"from {before} to {after}"
