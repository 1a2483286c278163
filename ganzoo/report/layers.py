"""What a network costs: its layers with their output shapes, parameters and floating-point operations.

Floating-point operations are counted as 2 x multiply-accumulates, of matrix products, convolutions and attention alone:
norms, activations and biases are left out, as is the custom of the literature. On the ``meta`` device, where tensors
have shapes and no values, counting costs nothing:

>>> import torch
>>> with torch.device("meta"):
...     net = torch.nn.Linear(100, 10)
...     image = torch.empty(1, 100)
>>> count_flops(lambda: net(image))
2000
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


@dataclass(frozen=True, kw_only=True)
class LayerRow:
    """One layer as it ran.

    Attributes:
        name: path from the network, as in ``named_modules()``.
        type: the layer's class.
        output_shape: of the tensor it returned, the batch's N first; empty if it returned none.
        parameters: numbers in the parameters of its own; a parameter that two layers share counts at the first.
        flops: operations in its own forward, for the whole batch, those of layers inside it left out.
    """

    name: str
    type: str
    output_shape: tuple[int, ...]
    parameters: int
    flops: int


class FlopCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the floating-point operations of what runs inside it, backward passes of any order included.

    ``torch.utils.flop_counter.FlopCounterMode`` has the same formulas, but follows modules by hooks on gradients, which
    fail under a gradient penalty's double backward.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if formula := flop_registry.get(func.overloadpacket):
            self.total += int(formula(*args, **(kwargs or {}), out_val=result))
        return result


def count_flops(fn: Callable[[], object]) -> int:
    """Floating-point operations (2 x multiply-accumulates) of ``fn()``, with the backward passes that it makes."""
    counter = FlopCounter()
    with counter:
        fn()
    return counter.total


def layer_table(module: nn.Module, *example_inputs: Any) -> list[LayerRow]:
    """The layers of ``module`` in the order in which they finish on ``example_inputs``.

    A layer is a module without modules inside, or one with parameters or operations of its own; hence the columns add
    up to the whole. One that runs several times has one row, with the operations of all its runs.

    Args:
        module: a network, left as it was.
        example_inputs: what it is called with, on its device; of batch size 1 for operations per image.
    """
    trace = _Trace(module)
    try:
        with trace.counter:
            module(*example_inputs)
    finally:
        trace.remove()
    return trace.rows()


class _Trace:
    """Hooks on every module that note its output's shape and the operations that it did itself."""

    def __init__(self, root: nn.Module) -> None:
        self.counter = FlopCounter()
        self.modules = dict(root.named_modules())
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.flops = dict.fromkeys(self.modules, 0)
        self._running: list[str] = []
        self._counted = 0
        self._hooks = [
            hook
            for name, module in self.modules.items()
            for hook in (
                module.register_forward_pre_hook(lambda *_, name=name: self._enter(name)),
                module.register_forward_hook(lambda _, __, output, name=name: self._leave(name, output)),
            )
        ]

    def remove(self) -> None:
        for hook in self._hooks:
            hook.remove()

    def rows(self) -> list[LayerRow]:
        seen: set[nn.Parameter] = set()
        rows = []
        for name, shape in self.shapes.items():
            module = self.modules[name]
            own = set(module.parameters(recurse=False)) - seen
            seen |= own
            parameters = sum(parameter.numel() for parameter in own)
            if parameters or self.flops[name] or not any(module.children()):
                kind = type(module).__name__
                rows.append(
                    LayerRow(name=name, type=kind, output_shape=shape, parameters=parameters, flops=self.flops[name])
                )
        return rows

    def _enter(self, name: str) -> None:
        self._attribute()
        self._running.append(name)

    def _leave(self, name: str, output: object) -> None:
        self._attribute()
        self._running.pop()
        tensor = output[0] if isinstance(output, (tuple, list)) and output else output
        self.shapes[name] = tuple(tensor.shape) if isinstance(tensor, Tensor) else ()

    def _attribute(self) -> None:
        """Give the operations since the last look to the innermost module that is running."""
        if self._running:
            self.flops[self._running[-1]] += self.counter.total - self._counted
        self._counted = self.counter.total
