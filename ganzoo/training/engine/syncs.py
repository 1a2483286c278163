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

_ASKING = {
    "item": Tensor.item,
    "tolist": Tensor.tolist,
    "numpy": Tensor.numpy,
    "cpu": Tensor.cpu,
    "bool": Tensor.__bool__,
    "float": Tensor.__float__,
    "int": Tensor.__int__,
    "index": Tensor.__index__,
    "nonzero": Tensor.nonzero,
    "torch.nonzero": torch.nonzero,
    "masked_select": Tensor.masked_select,
    "torch.masked_select": torch.masked_select,
    "unique": torch.unique,
    "equal": torch.equal,
    "allclose": torch.allclose,
}
_NOT_OURS = (str(Path(torch.__file__).parent), str(Path(__file__).parent))


class SyncFinder(TorchFunctionMode):
    """Notes the lines inside ``with SyncFinder() as finder:`` at which Python asks a tensor for its value.

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
        if any(function is asking for asking in _ASKING.values()):
            line = _line(sys._getframe(1))
            if line not in self.lines:
                self.lines.append(line)
        return function(*args, **(kwargs or {}))


def find_syncs(body: Callable[[], None]) -> list[str]:
    """The lines of ``body``, which runs once, that ask for a value."""
    finder = SyncFinder()
    with finder:
        body()
    return finder.lines


def _line(frame: FrameType | None) -> str:
    """The innermost line that belongs neither to torch nor to the engine."""
    while frame is not None and frame.f_back is not None and frame.f_code.co_filename.startswith(_NOT_OURS):
        frame = frame.f_back
    assert frame is not None
    path, number = frame.f_code.co_filename, frame.f_lineno
    return f"{path}:{number}: {linecache.getline(path, number).strip()}"
