"""Finding the lines of a step that ask the device for a value."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from .tape import asks_for_a_value, without_check

# What asks without an operation, at least on a CPU; everything else is seen by the operation that it is.
_ASKING = (Tensor.item, Tensor.tolist, Tensor.numpy, Tensor.__array__, Tensor.cpu, Tensor.__repr__)
Place = tuple[str, int]
"""A file and the number of a line."""

_NOT_OURS = (str(Path(torch.__file__).parent), str(Path(__file__).parent))


class SyncFinder(TorchFunctionMode):
    """Notes the lines at which Python asks a tensor for its value, as far as that is seen by torch's functions.

    Found on any device, also where asking costs nothing, such as a CPU.

    Attributes:
        lines: such as ``my_gan.py:31: if loss > 2:``, each once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if any(function is asking for asking in _ASKING):
            self.note(sys._getframe(1))
        return without_check(function)(*args, **(kwargs or {}))

    def note(self, frame: FrameType) -> None:
        """Note the line that ``frame`` works for."""
        line = quote(place_of(frame))
        if line not in self.lines:
            self.lines.append(line)


class _OperationFinder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The same for whatever torch asks on behalf of a line: a mask as an index, ``torch.unique``, ``t in tensor``."""

    def __init__(self, finder: SyncFinder) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._finder = finder

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if asks_for_a_value(function, args):
            self._finder.note(sys._getframe(1))
        return function(*args, **(kwargs or {}))


def find_syncs(body: Callable[[], None]) -> list[str]:
    """The lines of ``body``, which runs once, that ask for a value."""
    finder = SyncFinder()
    with finder, _OperationFinder(finder):
        body()
    return finder.lines


def place_of(frame: FrameType) -> Place:
    """The innermost line that ``frame`` works for and that belongs neither to torch nor to the engine."""
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_NOT_OURS):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def quote(place: Place) -> str:
    """Such as ``my_gan.py:31: if loss > 2:``."""
    path, number = place
    return f"{path}:{number}: {linecache.getline(path, number).strip()}"
