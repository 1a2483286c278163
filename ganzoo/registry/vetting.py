"""Load each plugin for the first time in a process of its own, so that one that hangs or crashes takes nothing with it.

A plugin runs its code in our process, where no ``except`` holds against an endless loop, a segmentation fault or
``os._exit``, and where nothing shows that torch was patched. So a plugin whose code was not seen before is first loaded
by a child process with a time limit; only one that does well there is loaded here. That costs a few tenths of a second
once for each version of a plugin, several at a time, and the verdict is kept (see
:mod:`~ganzoo.registry.verdicts`). First-party plugins go the same way.

The other way would be to leave a mark before loading, and to blame the plugin whose mark a dead process left behind. It
needs no child, but the first start hangs or dies all the same, and it blames the innocent where two processes start at
once or somebody presses Ctrl-C.

Where no child process can be started, plugins are loaded unvetted: that is better than none.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from typing import NamedTuple

from . import verdicts
from .provenance import Origin
from .settings import time_limit
from .verdicts import Verdict

VETTING = "GANZOO_VETTING"
"""Environment variable of the processes that vet: they start no further ones."""

_WAITING = Verdict(state="disabled", reason="it was not vetted yet", fix="run ganzoo plugins --check")


class Plugin(NamedTuple):
    """An entry point and where it comes from."""

    name: str
    origin: Origin
    point: EntryPoint


def vet(plugins: Sequence[Plugin]) -> list[Verdict]:
    """A verdict on each of ``plugins``, from the cache or from loading it in a child process.

    Raises:
        ConfigError: the environment sets a time limit that is none.
    """
    codes = [verdicts.stamp(plugin.origin.module) for plugin in plugins]
    known = [verdicts.recall(plugin.name, plugin.origin, code) for plugin, code in zip(plugins, codes, strict=True)]
    unknown = [plugin for plugin, verdict in zip(plugins, known, strict=True) if verdict is None]
    if not unknown:
        return [verdict for verdict in known if verdict]
    if os.environ.get(VETTING):
        return [verdict or _WAITING for verdict in known]
    fresh = iter(verdict for verdict, _ in check(unknown, time_limit(), builders=False))
    return [verdict or next(fresh) for verdict in known]


def check(plugins: Sequence[Plugin], limit: float, *, builders: bool = True) -> list[tuple[Verdict, Verdict]]:
    """Two verdicts on each of ``plugins``, whatever is known of it: on loading it, and on its builders too.

    Args:
        plugins: what is checked.
        limit: seconds for each of them.
        builders: import the builders that its specs name, which takes torch; else the second verdict is the first.
    """
    # Imported here: the module of subprocesses costs every other start some milliseconds.
    from .children import examine

    codes = [verdicts.stamp(plugin.origin.module) for plugin in plugins]
    found = examine(plugins, limit, builders=builders)
    for plugin, code, findings in zip(plugins, codes, found, strict=True):
        if findings is not None:
            verdicts.remember(plugin.name, plugin.origin, findings[0], code)
    return [findings or (Verdict(), Verdict()) for findings in found]
