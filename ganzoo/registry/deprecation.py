"""What keeps an old spelling of the plugin API working for a while: the new one is used, and a warning names it.

A name of a module, a field of a spec and a hook can be renamed without breaking a plugin. :data:`RENAMED_HOOKS
<ganzoo.registry.loading.RENAMED_HOOKS>` holds the hooks; the two functions here serve the rest. What cannot be kept
working this way raises ``API_VERSION``.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ganzoo.errors import PluginError

T = TypeVar("T")


class GanzooDeprecationWarning(DeprecationWarning):
    """A spelling of the plugin API that still works, and will not after the next change of ``API_VERSION``."""


def warn_deprecated(old: str, new: str, *, stacklevel: int = 2) -> None:
    """Warn that ``old`` is deprecated and that ``new`` is what to write instead.

    Args:
        old: what was used, such as ``the hook ganzoo_gans``.
        new: its replacement, as one writes it.
        stacklevel: as in :func:`warnings.warn`: 2 blames the caller of this function's caller.
    """
    message = f"{old} is deprecated and goes with the next plugin API; write {new}"
    warnings.warn(message, GanzooDeprecationWarning, stacklevel=stacklevel + 1)


def renamed_names(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """A ``__getattr__`` for ``module``, in which ``names`` (old to new) were renamed.

    ::

        __getattr__ = renamed_names(__name__, {"GANSpec": "VariantSpec"})
    """

    def getter(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warn_deprecated(f"{module}.{name}", f"{module}.{names[name]}")
        return getattr(sys.modules[module], names[name])

    return getter


def renamed_fields(**names: str) -> Callable[[type[T]], type[T]]:
    """A decorator for a spec, some fields of which were renamed: ``@renamed_fields(defaults="training")``.

    The old field is taken as the new one and can be read by either name.

    Raises:
        PluginError: when a spec is made with both names of one field.
    """

    def decorate(cls: type[T]) -> type[T]:
        original = cls.__init__

        @functools.wraps(original)
        def init(self: T, *args: Any, **fields: Any) -> None:
            for old in names.keys() & fields.keys():
                fields = _renamed(cls.__name__, fields, old, names[old])
            original(self, *args, **fields)

        cls.__init__ = init  # type: ignore[assignment, method-assign]
        for old, new in names.items():
            setattr(cls, old, _reader(cls.__name__, old, new))
        return cls

    return decorate


def _renamed(kind: str, fields: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    if new in fields:
        raise PluginError(f"{kind} is given {old} and {new}, two names of one field", fix=f"leave {old} out")
    warn_deprecated(f"the field {old} of {kind}", new, stacklevel=3)
    return {new if name == old else name: value for name, value in fields.items()}


def _reader(kind: str, old: str, new: str) -> property:
    def read(self: Any) -> Any:
        warn_deprecated(f"the field {old} of {kind}", new)
        return getattr(self, new)

    return property(read)
