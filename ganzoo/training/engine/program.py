"""From a tape to a program whose arithmetic is fused: long stretches of operations, each compiled as one.

A stretch ends at an operation that the compiler must not take in: a fused optimizer, a random draw, or a convolution of
a single channel on a GPU. Draws that need no computed value, and overwrite none that was read, are made before
everything else, in their order, so they end no stretch; what random streams give is then the same as in the eager step,
number by number.

Autograd has run when a tape is made, so its operations stand there as arithmetic, gradients of gradients included: none
of what compilers cannot do inside of autograd is asked of them.
"""

from __future__ import annotations

import logging
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch._inductor
from torch import Tensor, fx
from torch.utils._pytree import tree_map

from .tape import Key, Operation, Tape, key_of, replace_tensors, storage_of, tensors_in

Function = Callable[..., Sequence[Tensor]]
Fuse = Callable[[fx.GraphModule], Function]


def inductor(module: fx.GraphModule) -> Function:
    """``module`` compiled by torch's own compiler at the first call, for tensors such as are given there.

    Not by way of ``torch.compile``, whose first half finds out what Python does: there is nothing left to find out.
    What was compiled once is found in the user's cache folder by later processes.
    """
    # It warns of a missing GPU where none was asked for.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    compiled: list[Function] = []

    def run(*given: Tensor) -> Sequence[Tensor]:
        if not compiled:
            made = torch._inductor.standalone_compile(module, list(given), dynamic_shapes="from_example_inputs")
            compiled.append(cast(Function, made))
        return compiled[0](*given)

    return run


@dataclass(frozen=True)
class Stretch:
    """Operations that run as one.

    Attributes:
        run: from the tensors of ``inputs`` to those of ``outputs``.
        inputs: what it reads, or writes in place.
        outputs: what it makes for later ones.
        last: inputs that nobody reads after it.
        size: number of operations.
    """

    run: Function
    inputs: tuple[Key, ...]
    outputs: tuple[Key, ...]
    last: tuple[Key, ...]
    size: int


class Program:
    """An iteration as a few stretches.

    Args:
        tape: what the iteration does.
        fuse: turns a graph of operations into one function.
    """

    def __init__(self, tape: Tape, fuse: Fuse = inductor) -> None:
        parts = _parts(tape.operations)
        self.stretches: list[Stretch] = []
        made: set[Key] = set()
        self._state: dict[Key, Tensor] = {}
        for index, part in enumerate(parts):
            later = _read_by(operation for other in parts[index + 1 :] for operation in other)
            inputs, outputs = _inputs(part), _outputs(part, later)
            self._state |= {key: tensor for key, tensor in inputs.items() if key not in made}
            made |= outputs.keys()
            last = tuple(key for key in inputs if key in made and key not in later)
            run = _alone(part[0], inputs, outputs) if _is_opaque(part[0]) else fuse(_graph(part, inputs, outputs))
            self.stretches.append(Stretch(run, tuple(inputs), tuple(outputs), last, len(part)))

    @torch.no_grad()
    def play(self) -> None:
        """Run the iteration."""
        memory = dict(self._state)
        for stretch in self.stretches:
            results = stretch.run(*[memory[key] for key in stretch.inputs])
            memory.update(zip(stretch.outputs, results, strict=True))
            for key in stretch.last:
                del memory[key]


def _parts(operations: Sequence[Operation]) -> list[list[Operation]]:
    """The draws that can be made beforehand, each alone, then stretches and single opaque operations."""
    draws, rest = _split_draws(operations)
    parts: list[list[Operation]] = [[draw] for draw in draws]
    stretch: list[Operation] = []
    for operation in rest:
        if _is_opaque(operation):
            parts += [stretch, [operation]] if stretch else [[operation]]
            stretch = []
        else:
            stretch.append(operation)
    return [*parts, stretch] if stretch else parts


def _split_draws(operations: Sequence[Operation]) -> tuple[list[Operation], list[Operation]]:
    """The leading random draws that can as well be made before everything else, and everything else in order."""
    blank = {
        key_of(tensor): operation for operation in operations if _is_blank(operation) for tensor in operation.outputs
    }
    read: set[int] = set()
    written: set[int] = set()
    draws: list[Operation] = []
    dropped: list[Operation] = []
    for operation in operations:
        if _is_random(operation):
            changed = operation.inputs if operation.function._schema.is_mutable else []
            if not (written.isdisjoint(_memory(operation.inputs)) and read.isdisjoint(_memory(changed))):
                break  # what is drawn after it must stay after it
            draws.append(operation)
            # A draw fills the recorded memory, so nothing is to be allocated for it.
            dropped += [blank[key] for tensor in operation.inputs if (key := key_of(tensor)) in blank]
        elif not _is_blank(operation):
            read.update(_memory(operation.inputs))
            written.update(_memory(operation.writes))
    taken = {id(operation) for operation in draws + dropped}
    return draws, [operation for operation in operations if id(operation) not in taken]


def _memory(tensors: Iterable[Tensor]) -> set[int]:
    return {storage_of(tensor) for tensor in tensors}


def _is_random(operation: Operation) -> bool:
    return torch.Tag.nondeterministic_seeded in operation.function.tags


def _is_blank(operation: Operation) -> bool:
    """Whether the operation only allocates memory."""
    return operation.name.startswith(("aten.empty", "aten.new_empty"))


def _is_opaque(operation: Operation) -> bool:
    return _is_random(operation) or operation.name.startswith("aten._fused_") or _is_told_by_strides(operation)


def _is_told_by_strides(operation: Operation) -> bool:
    """Whether this is a convolution on a GPU of what lies in both memory formats at once, as with a single channel.

    There the strides of dimensions of size one say which format the result has, and the compiler loses them.
    """
    return operation.name.startswith("aten.convolution") and any(
        tensor.is_cuda and tensor.ndim == 4 and _lies_both_ways(tensor) for tensor in operation.inputs
    )


def _lies_both_ways(tensor: Tensor) -> bool:
    return tensor.is_contiguous() and tensor.is_contiguous(memory_format=torch.channels_last)


def _inputs(part: Sequence[Operation]) -> dict[Key, Tensor]:
    """What ``part`` reads without having made it."""
    inputs: dict[Key, Tensor] = {}
    made: set[Key] = set()
    for operation in part:
        inputs |= {key: tensor for tensor in operation.inputs if (key := key_of(tensor)) not in made}
        made |= _made_by(operation).keys()
    return inputs


def _outputs(part: Sequence[Operation], later: set[Key]) -> dict[Key, Tensor]:
    """What ``part`` makes and others read."""
    made: dict[Key, Tensor] = {}
    for operation in part:
        made |= _made_by(operation)
    return {key: tensor for key, tensor in made.items() if key in later}


def _made_by(operation: Operation) -> dict[Key, Tensor]:
    """The outputs that are not simply one of the inputs, written in place."""
    given = {key_of(tensor) for tensor in operation.inputs}
    return {key: tensor for tensor in operation.outputs if (key := key_of(tensor)) not in given}


def _read_by(operations: Iterable[Operation]) -> set[Key]:
    return {key_of(tensor) for operation in operations for tensor in operation.inputs}


def _alone(operation: Operation, inputs: dict[Key, Tensor], outputs: dict[Key, Tensor]) -> Function:
    """A function that runs one operation as it is, on tensors that lie as the recorded ones. It holds none of these."""
    function = operation.function
    keys = tuple(inputs)
    places = {key: _Place(index) for index, key in enumerate(keys)}
    args, kwargs = replace_tensors((operation.args, operation.kwargs), lambda tensor: places[key_of(tensor)])
    wanted = [key_of(tensor) in outputs for tensor in operation.outputs]

    def run(*given: Tensor) -> Sequence[Tensor]:
        laid = [_laid(tensor, key) for tensor, key in zip(given, keys, strict=True)]
        now = tree_map(lambda leaf: laid[leaf.index] if isinstance(leaf, _Place) else leaf, (args, kwargs))
        results = tensors_in(function(*now[0], **now[1]))
        return [result for result, keep in zip(results, wanted, strict=True) if keep]

    return run


def _laid(tensor: Tensor, key: Key) -> Tensor:
    """``tensor`` with the strides of ``key``, which in dimensions of size one mean nothing, but say something."""
    *_, shape, stride = key
    if tensor.stride() == stride or any(
        one != other for size, one, other in zip(shape, tensor.stride(), stride, strict=True) if size > 1
    ):
        return tensor
    return tensor.as_strided(shape, stride)


@dataclass(frozen=True)
class _Place:
    """Stands for a tensor: the one of this index among the inputs."""

    index: int


def _graph(part: Sequence[Operation], inputs: dict[Key, Tensor], outputs: dict[Key, Tensor]) -> fx.GraphModule:
    """``part`` as a graph from ``inputs`` to ``outputs``."""
    graph = fx.Graph()
    nodes = {key: graph.placeholder(f"memory_{index}") for index, key in enumerate(inputs)}
    for operation in part:
        args, kwargs = replace_tensors((operation.args, operation.kwargs), lambda tensor: nodes[key_of(tensor)])
        call = graph.call_function(operation.function, args, kwargs)
        made = _made_by(operation)
        for tensor, position in zip(operation.outputs, operation.positions, strict=True):
            key = key_of(tensor)
            if key in made:
                nodes[key] = call if position is None else graph.call_function(operator.getitem, (call, position))
    graph.output(tuple(nodes[key] for key in outputs))
    return fx.GraphModule({}, graph)
