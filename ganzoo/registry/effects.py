"""What loading a plugin did to things that it shares with all others: torch, and the global random generators.

A :class:`Watch` takes a picture of each before the plugin can touch it and compares it afterwards. numpy and torch need
not be imported for that: if the plugin imports them, the picture is taken in that moment, before the import returns to
the plugin.
"""

from __future__ import annotations

import importlib.util
import random
import sys
import traceback
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from .loading import in_machinery

_PLACES = (
    *("torch", "torch.Tensor", "torch.nn", "torch.nn.functional", "torch.nn.init", "torch.nn.utils", "torch.optim"),
    *("torch.autograd", "torch.linalg", "torch.utils.data"),
)
"""Where functions and classes of torch are looked at; those in ``torch.nn`` and ``torch.optim``, also inside."""

_SETTINGS = {
    "the default dtype of torch": "get_default_dtype",
    "the default device of torch": "get_default_device",
    "whether torch records gradients": "is_grad_enabled",
    "torch's number of threads": "get_num_threads",
    "torch's precision of matrix products": "get_float32_matmul_precision",
    "whether torch is deterministic": "are_deterministic_algorithms_enabled",
}

_RANDOM = "the global generator of {}"

Picture = dict[str, Any]


class Watch:
    """Watches torch and the random generators while the context is open."""

    def __init__(self) -> None:
        self._pictures: dict[str, Picture] = {}
        self._busy = False
        self.torch_line = ""
        """Where the plugin imported torch, as ``file line n``; empty if it did not."""

    def __enter__(self) -> Watch:
        sys.meta_path.insert(0, self)
        self.renew()
        return self

    def __exit__(self, *exception: object) -> None:
        sys.meta_path.remove(self)

    def renew(self) -> None:
        """Compare with this moment from now on."""
        self._pictures = {name: _picture(name) for name in _TAKEN if name in sys.modules}

    def changes(self) -> list[str]:
        """A clause, about "it", for each kind of thing that was changed."""
        return [clause for name, before in self._pictures.items() for clause in _compare(before, _picture(name))]

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Called by Python for every import; lets the import of numpy and torch end with a picture."""
        if self._busy or name not in _TAKEN or name in sys.modules:
            return None
        self._busy = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._busy = False
        if name == "torch":
            self.torch_line = _importing_line()
        if spec is not None and spec.loader is not None:
            self._follow(spec.loader, name)
        return spec

    def _follow(self, loader: Any, name: str) -> None:
        execute = loader.exec_module

        def execute_and_look(module: ModuleType) -> None:
            execute(module)
            self._pictures[name] = _picture(name)

        loader.exec_module = execute_and_look


def _picture(name: str) -> Picture:
    return _TAKEN[name]()


def _of_random() -> Picture:
    return {_RANDOM.format("random"): random.getstate()}


def _of_numpy() -> Picture:
    kind, key, *rest = sys.modules["numpy"].random.get_state()
    return {_RANDOM.format("numpy"): (kind, key.tobytes(), *rest)}


def _of_torch() -> Picture:
    torch: Any = sys.modules["torch"]
    generator = bytes(torch.get_rng_state().tolist())
    settings = {what: getattr(torch, function)() for what, function in _SETTINGS.items()}
    return {_RANDOM.format("torch"): generator, **settings, "": dict(_functions())}


_TAKEN = {"random": _of_random, "numpy": _of_numpy, "torch": _of_torch}


def _functions() -> Iterator[tuple[str, Any]]:
    """The functions and classes of torch, and the methods of its layers and optimizers, by their full names."""
    for place in _PLACES:
        holder: Any = sys.modules["torch"]
        for part in place.split(".")[1:]:
            holder = getattr(holder, part, None)
        for name, value in list(getattr(holder, "__dict__", {}).items()):
            if callable(value) and name != "Storage":  # which follows the default dtype
                yield f"{place}.{name}", value
            if isinstance(value, type) and place in ("torch.nn", "torch.optim"):
                methods = ((method, inner) for method, inner in vars(value).items() if callable(inner))
                yield from ((f"{place}.{name}.{method}", inner) for method, inner in methods)


def _compare(before: Picture, after: Picture) -> Iterator[str]:
    for what, value in before.items():
        if not what:
            replaced = [name for name, function in value.items() if after[what].get(name) is not function]
            if replaced:
                others = f" and {len(replaced) - 1} more" if len(replaced) > 1 else ""
                yield f"it replaces {replaced[0]}{others}"
        elif after[what] != value:
            yield f"it seeds or uses {what}" if what.startswith(_RANDOM[:10]) else f"it changes {what}"


def _importing_line() -> str:
    """The outermost line of a plugin in the import that goes on: what it imports may be what imports torch."""
    for frame in traceback.extract_stack():
        if not in_machinery(frame.filename) and frame.filename not in (__file__, "<string>"):
            return f"{frame.filename} line {frame.lineno}"
    return ""
