"""``--no-plugin NAME[,NAME]``: an option of every command, which leaves plugins out of this one call."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ganzoo.errors import ConfigError

FLAG = "--no-plugin"


@contextmanager
def without_plugins(words: Sequence[str]) -> Iterator[list[str]]:
    """The words without ``--no-plugin`` and its names, which the environment holds meanwhile, also for child processes.

    Raises:
        ConfigError: no name follows.
    """
    rest, names = _split(words)
    if not names:
        yield rest
        return
    from ganzoo.registry.settings import DISABLE

    before = os.environ.get(DISABLE)
    os.environ[DISABLE] = ",".join([*([before] if before else []), *names])
    _forget()
    try:
        yield rest
    finally:
        os.environ.pop(DISABLE)
        if before is not None:
            os.environ[DISABLE] = before
        _forget()


def _forget() -> None:
    """Have the plugins looked up anew: a registry that was made before knows of another environment."""
    if "ganzoo.registry.lookup" in sys.modules:
        sys.modules["ganzoo.registry.lookup"].registry.cache_clear()


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    rest: list[str] = []
    names: list[str] = []
    remaining = iter(words)
    for word in remaining:
        flag, equals, value = word.partition("=")
        if word == "--":
            return [*rest, word, *remaining], names
        if flag != FLAG:
            rest.append(word)
            continue
        value = value if equals else next(remaining, "")
        if not value.strip(" ,") or (value.startswith("-") and not equals):
            raise ConfigError(f"{FLAG} has no name", fix=f"write {FLAG} NAME, or {FLAG} NAME,NAME; see ganzoo plugins")
        names.append(value)
    return rest, names
