"""Ctrl-C and SIGTERM: the first asks the run to save and stop, the second stops it at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType


class StopRequest:
    """Listens for SIGINT and SIGTERM while it is open; in a thread other than the main one it hears nothing."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, object] = {}

    @property
    def exit_code(self) -> int:
        """128 plus the signal's number: 130 for Ctrl-C, 143 for SIGTERM; 0 without a signal."""
        return 128 + self.signal if self.signal else 0

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number
