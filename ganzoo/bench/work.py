"""The arithmetic of a training step, and what the device could do: counted and measured on the spot."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from ganzoo.arithmetic import products
from ganzoo.training.engine import Engine

_FLOAT = 4  # bytes


@dataclass
class Work:
    """What one iteration does.

    Attributes:
        flops: by the arithmetic, ``"bf16"`` and ``"fp32"``.
        operators: calls of tensor operators, views included.
    """

    flops: Counter[str] = field(default_factory=Counter)
    operators: int = 0


class Count(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what runs inside ``with Count() as count:``, backward passes of every order included.

    torch's own FlopCounterMode follows modules by hooks, and fails where gradients are differentiated.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.work = Work()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if not str(function).startswith("profiler."):
            self.work.operators += 1
        if formula := flop_registry.get(function._overloadpacket):
            self.work.flops[_arithmetic(args)] += formula(*args, **kwargs, out_val=result)
        return result


def count(body: Callable[[], None]) -> Work:
    """What ``body`` does, which runs once."""
    counting = Count()
    with counting:
        body()
    return counting.work


def count_iteration(engine: Engine) -> Work:
    """The work of the next iteration, which is played as the reference tier plays it, whatever tier is set."""
    plans = engine.plans(1)
    engine.prepare(plans)
    work = count(lambda: engine.cycle.play(plans[0]))
    engine.iteration += 1
    return work


def peaks(
    size: int,
    megabytes: int,
    repeats: int,
    *,
    half: bool,
    device: torch.device | None = None,
) -> dict[str, float | None]:
    """What the device does at this moment, with the threads that are set, the median of ``repeats``.

    Args:
        size: rows of the square matrices that are multiplied.
        megabytes: of the tensor that is copied; more than the caches hold.
        repeats: measurements of each.
        half: measure bfloat16 too; None stands for it otherwise.
        device: the CPU if None.

    Returns:
        FLOPs a second by the arithmetic, and ``bandwidth``, bytes read and written a second.
    """
    device = device or torch.device("cpu")
    source = torch.ones(megabytes * 2**20 // _FLOAT, device=device)
    target = torch.empty_like(source)
    seconds = median_seconds(lambda: target.copy_(source), repeats, device)
    with products("float32", device):
        full = _multiplied(size, torch.float32, repeats, device)
    found = {
        "fp32": full,
        "bf16": _multiplied(size, torch.bfloat16, repeats, device) if half else None,
        "bandwidth": 2 * _FLOAT * source.numel() / seconds,
    }
    if device.type == "cuda":
        with products("tf32", device):
            found["tf32"] = _multiplied(size, torch.float32, repeats, device)
    return found


def median_seconds(body: Callable[[], Any], repeats: int, device: torch.device | None = None) -> float:
    """The median time of ``body`` after one call that is not measured."""
    body()
    times = []
    for _ in range(repeats):
        synchronize(device)
        began = time.perf_counter()
        body()
        synchronize(device)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def synchronize(device: torch.device | None) -> None:
    """Wait until all that was launched on ``device`` is done."""
    if device is not None and device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device is not None and device.type == "mps":
        torch.mps.synchronize()


def _multiplied(size: int, dtype: torch.dtype, repeats: int, device: torch.device) -> float:
    """FLOPs a second of a product of square matrices."""
    left, right = (torch.rand(size, size, device=device).to(dtype) for _ in range(2))
    out = torch.empty(size, size, dtype=dtype, device=device)
    return 2 * size**3 / median_seconds(lambda: torch.mm(left, right, out=out), repeats, device)


def _arithmetic(args: tuple[Any, ...]) -> str:
    half = any(isinstance(leaf, Tensor) and leaf.dtype == torch.bfloat16 for leaf in tree_leaves(args))
    return "bf16" if half else "fp32"
