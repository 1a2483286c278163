"""What the environment says about plugins: which are loaded, whose names win, and how long loading one may take.

They are variables of the environment, so that a run's child processes go by the same; ``--no-plugin`` sets one of them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from ganzoo.errors import ConfigError, nearest

from .provenance import CORE, Origin, normalise

DISABLE = "GANZOO_DISABLE_PLUGINS"
"""Environment variable: plugins (entry points or distributions) that are not loaded, joined by commas."""

ALLOW = "GANZOO_PLUGINS"
"""Environment variable: the only plugins that are loaded, joined by commas; all of them if it is empty or not set."""

PREFER = "GANZOO_PREFER"
"""Environment variable: distributions, the first one first, that win a name which others claim too."""

TIMEOUT = "GANZOO_PLUGIN_TIMEOUT"
"""Environment variable: seconds that loading one plugin may take when it is vetted."""

_SECONDS = 20.0


class _Named(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def origin(self) -> Origin: ...


class Refusal(NamedTuple):
    """Why a plugin is not loaded, and what to do about it."""

    reason: str
    fix: str


def refusal(plugin: _Named) -> Refusal | None:
    """Why the environment has ``plugin`` disabled, None if it is to be loaded."""
    if _among(plugin, _words(DISABLE)):
        return Refusal(f"{DISABLE} names it", f"take it out of {DISABLE}")
    allowed = _words(ALLOW)
    if allowed and not _among(plugin, allowed):
        return Refusal(f"{ALLOW} does not name it", f"add {plugin.name} to {ALLOW}, or unset {ALLOW}")
    return None


def preferred(distributions: Iterable[str]) -> str | None:
    """The first of the preferred distributions that is among ``distributions``."""
    claimants = set(distributions)
    return next((name for name in map(normalise, _words(PREFER)) if name in claimants), None)


def time_limit() -> float:
    """Seconds that loading one plugin may take.

    Raises:
        ConfigError: the variable holds no positive number.
    """
    text = os.environ.get(TIMEOUT, "").strip()
    try:
        seconds = float(text or _SECONDS)
    except ValueError:
        seconds = math.nan
    if not (0 < seconds < math.inf):
        raise ConfigError(f"{TIMEOUT} is {text!r}, which is no number of seconds", fix=f"set {TIMEOUT}={_SECONDS:.0f}")
    return seconds


def strange_names(plugins: Sequence[_Named]) -> list[str]:
    """A sentence for each name in these variables that no plugin has.

    Warnings, not errors: a variable is set once, in a profile or a job script, and outlives the plugin that it names;
    and what it asks for holds, since a plugin that is not there is not loaded and wins nothing.
    """
    core = [plugin.name for plugin in plugins if plugin.origin.distribution == CORE]
    distributions = {plugin.origin.distribution for plugin in plugins}
    known = {variable: distributions | {plugin.name for plugin in plugins} for variable in (DISABLE, ALLOW)}
    known[PREFER] = distributions
    found = []
    for variable, names in known.items():
        for word in _words(variable):
            if word not in names and normalise(word) not in names:
                near = nearest(word, sorted(names))
                kind = "distribution with a plugin" if variable == PREFER else "installed plugin"
                suggestion = f"; did you mean {near!r}?" if near else ""
                found.append(f"{variable} names {word!r}, which is no {kind}{suggestion}")
            elif variable == DISABLE and word in (CORE, *core):
                found.append(f"{variable} names {word!r}, which is a part of ganzoo and stays")
    return found


def _among(plugin: _Named, words: Sequence[str]) -> bool:
    return plugin.name in words or plugin.origin.distribution in map(normalise, words)


def _words(variable: str) -> list[str]:
    return [word for part in os.environ.get(variable, "").split(",") if (word := part.strip())]
