"""Recording what an iteration does to tensors, and doing it again: a CUDA graph's semantics on any device.

Between the Python code of a game and the arithmetic lies torch's dispatcher, through which every operation passes with
its tensors: forward, backward, optimizer and all. A tape notes them down. Played again it repeats the operations on the
same memory and none of the Python around them, as a CUDA graph does; so what Python would have changed between two
iterations (a counter, a list that serves as an image pool) stands still, and shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from ganzoo.errors import ContractError

from .expansion import Expansions

Key = tuple[Any, ...]
"""A piece of memory seen in one way: its storage, type, offset, shape and strides."""

_ASKING = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape)


@dataclass(frozen=True)
class Operation:
    """One call of an operator.

    Attributes:
        function: the operator.
        args: positional arguments; tensors stand for their memory.
        kwargs: named arguments.
        outputs: the tensors that it returned.
        positions: where each output stands in the tuple or list that was returned; None where it was returned itself.
        fresh: for each output, whether its memory is none of the arguments'.
    """

    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: tuple[Tensor, ...]
    positions: tuple[int | None, ...]
    fresh: tuple[bool, ...]

    @property
    def inputs(self) -> list[Tensor]:
        """The tensors among the arguments."""
        return tensors_in((self.args, self.kwargs))

    @property
    def writes(self) -> list[Tensor]:
        """The tensors that it makes or changes; among those that it changes may be some that it only reads."""
        return [*self.outputs, *(self.inputs if self.function._schema.is_mutable else ())]

    @property
    def name(self) -> str:
        """Such as ``aten.add_.Tensor``."""
        return str(self.function)


class Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes down each operation that runs inside ``with tape:``, which runs as it would without.

    All memory that passes by is kept, so that :meth:`play` finds it and no two tensors seem to be one.

    Args:
        expansions: operators that are replaced by what these functions do.

    Raises:
        ContractError: an operation hands a value or a size to Python, which a later play would not see change.
    """

    def __init__(self, expansions: Expansions = MappingProxyType({})) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []
        self._expansions = expansions

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if asks_for_a_value(function, args):
            raise ContractError(f"{function} hands a value of a tensor to Python in the middle of a step")
        if expanded := self._expansions.get(function):
            with self:
                return expanded(*args, **kwargs)
        result = function(*args, **kwargs)
        if not str(function).startswith("profiler."):
            self._note(function, args, kwargs, result)
        return result

    def _note(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        # Aliases, since to hold the tensors themselves would have autograd copy gradients that it can else take over.
        args, kwargs = tree_map(_alias, args), tree_map(_alias, kwargs)
        outputs = tuple(_alias(tensor) for tensor in tensors_in(result))
        known = {storage_of(tensor) for tensor in tensors_in((args, kwargs))}
        fresh = tuple(storage_of(tensor) not in known for tensor in outputs)
        self.operations.append(Operation(function, args, kwargs, outputs, _positions(result), fresh))

    @torch.no_grad()
    def play(self) -> None:
        """Do all of it again, on the same memory; what a random stream gives is new."""
        for operation in self.operations:
            result = operation.function(*operation.args, **operation.kwargs)
            for old, new, fresh in zip(operation.outputs, tensors_in(result), operation.fresh, strict=True):
                if fresh:
                    old.copy_(new)


def record(body: Callable[[], None], expansions: Expansions = MappingProxyType({})) -> Tape:
    """The tape of ``body``, which runs once, with ``expansions`` in place of operators."""
    tape = Tape(expansions)
    with Unchecked(), tape:
        body()
    return tape


class Unchecked(TorchFunctionMode):
    """Leaves out checks that ask for values on a CPU alone."""

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return without_check(function)(*args, **(kwargs or {}))


def without_check(function: Any) -> Any:
    """``function``, or for ``one_hot`` one that does not ask a CPU, as it asks no GPU, whether all classes exist."""
    return _one_hot if function is one_hot else function


def _one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    if num_classes < 0:
        return one_hot(tensor, num_classes)  # the shape depends on values, so this one asks on any device
    return (tensor.unsqueeze(-1) == torch.arange(num_classes, device=tensor.device)).long()


def storage_of(tensor: Tensor) -> int:
    """What tells this memory, however it is seen, from all other that is alive."""
    return int(tensor.untyped_storage()._cdata)


def key_of(tensor: Tensor) -> Key:
    """What tells this piece of memory, seen in this way, from all others that are alive."""
    return storage_of(tensor), tensor.dtype, tensor.storage_offset(), tuple(tensor.shape), tensor.stride()


def tensors_in(tree: Any) -> list[Tensor]:
    """All tensors in nested tuples, lists and dicts."""
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def replace_tensors(tree: Any, by: Callable[[Tensor], Any]) -> Any:
    """The same nest, with ``by(tensor)`` in place of each tensor."""
    return tree_map(lambda leaf: by(leaf) if isinstance(leaf, Tensor) else leaf, tree)


def asks_for_a_value(function: Any, args: tuple[Any, ...]) -> bool:
    """Whether the result's value or shape depends on the values of tensors."""
    if function is torch.ops.aten.index.Tensor:  # only a mask makes the shape depend on values
        return any(tensor.dtype in (torch.bool, torch.uint8) for tensor in tensors_in(args[1]))
    return any(tag in function.tags for tag in _ASKING)


def _alias(leaf: Any) -> Any:
    return leaf.detach() if isinstance(leaf, Tensor) else leaf


def _positions(result: Any) -> tuple[int | None, ...]:
    if isinstance(result, tuple | list):
        return tuple(index for index, leaf in enumerate(result) if isinstance(leaf, Tensor))
    return (None,) if isinstance(result, Tensor) else ()
