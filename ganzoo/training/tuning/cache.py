"""What earlier trials chose, in one JSON file of the user's cache folder.

The file is replaced as a whole, by one process at a time. One that is damaged is written anew, and a folder that takes
no file costs a trial at each start and nothing else. It can be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import platformdirs
from filelock import FileLock
from pydantic import ValidationError

from ganzoo.durable import replace_bytes
from ganzoo.options import Count, NonNegative, Options

from .allocator import Allocator

_LIFE = 30 * 24 * 3600.0
_PATIENCE = 5.0

_log = logging.getLogger(__name__)


class Entry(Options):
    """What a trial chose, and when."""

    threads: Count
    """CPU threads of a tensor operation."""
    allocator: Allocator
    """What becomes of freed memory."""
    seconds: dict[str, NonNegative]
    """Seconds an iteration of what was tried."""
    why: str = ""
    """What was not tried, and why."""
    at: float
    """Seconds since 1970."""


class _File(Options):
    format: Literal[1] = 1
    entries: dict[str, Entry]


class TuningCache:
    """Choices by the facts that they depend on; after 30 days they are made again.

    Args:
        folder: where the file lies; the user's cache folder if it is not given.
        now: seconds since 1970.
    """

    def __init__(self, folder: Path | None = None, *, now: Callable[[], float] = time.time) -> None:
        self.path = (folder or platformdirs.user_cache_path("ganzoo")) / "tuning.json"
        self._now = now

    def recall(self, facts: dict[str, Any]) -> Entry | None:
        """What was chosen under ``facts``, plain values; None if nothing was."""
        return self._read().get(_digest(facts))

    def remember(self, facts: dict[str, Any], **choice: Any) -> None:
        """Keep ``choice``, the fields of an :class:`Entry` but its time, for :meth:`recall` under ``facts``."""
        entry = Entry(**choice, at=self._now())
        try:
            with self._writing():
                entries = self._read() | {_digest(facts): entry}
                replace_bytes(self.path, _File(entries=entries).model_dump_json(indent=2).encode())
        except (OSError, NotImplementedError) as error:  # the latter where the file system has no locks
            _log.warning("the choice of threads is not remembered: %s", error)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path.with_suffix(".lock"), timeout=_PATIENCE):
            yield

    def _read(self) -> dict[str, Entry]:
        """The entries that are still good; none where the file is missing or damaged."""
        try:
            entries = _File.model_validate_json(self.path.read_bytes()).entries
        except FileNotFoundError:
            return {}
        except (OSError, ValidationError) as error:
            reason = error.strerror if isinstance(error, OSError) else f"{error.error_count()} faults"
            _log.warning("the remembered choices in %s cannot be used (%s)", self.path, reason)
            return {}
        now = self._now()
        return {key: entry for key, entry in entries.items() if 0 <= now - entry.at <= _LIFE}


def _digest(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
