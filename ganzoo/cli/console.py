"""The two consoles that all commands write to, and how they tell of trouble.

Both write plain text where the stream is no terminal. What comes from outside (messages, file names) is never read as
markup.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text

from ganzoo.errors import GanzooError

_PIPE_WIDTH = 200
"""Columns of what other programs read, so that a row of a table stays one line for grep."""

# Without emoji, or "mnist:train:" becomes a picture of one.
out = Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
"""Results, on stdout."""
err = Console(stderr=True, highlight=False, emoji=False)
"""Progress, warnings and errors, on stderr."""


def print_error(error: GanzooError) -> None:
    """Write ``error`` to stderr: the problem, then its choices and its fix on lines of their own."""
    _say("error", "bold red", str(error))


def warn(message: str) -> None:
    """Write a warning to stderr."""
    _say("warning", "bold yellow", message)


@contextmanager
def telling(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A function that shows a sentence on stderr until the next one, where that is a terminal and not ``quiet``."""
    if quiet:
        yield lambda sentence: None
        return
    with err.status("", spinner_style="dim") as status:
        yield lambda sentence: status.update(Text(sentence, style="dim"))


def print_json(value: Any) -> None:
    """Write ``value`` to stdout as JSON, for other programs to read."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _say(word: str, style: str, message: str) -> None:
    err.print(Text.assemble((f"{word}: ", style), message), soft_wrap=True)
