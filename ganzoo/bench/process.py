"""A contender in a fresh process of its own, told what to do from here. Free of torch."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

from ganzoo.errors import GanzooError

from .job import Job
from .result import Block

_SLOW = 900.0
"""Seconds after which whatever a contender was asked to do is given up: compiling may take minutes."""
_TOLD = 3
"""Lines of what a process wrote last, for the message about its end."""


class ContenderError(GanzooError):
    """A contender that could not be measured."""


class Process:
    """A contender in its own process, which ends with this object's ``with`` block.

    Args:
        job: what it is.
        limit: seconds that each answer may take.

    Attributes:
        name: of the job.
    """

    def __init__(self, job: Job, *, limit: float = _SLOW) -> None:
        self.job, self.name, self.limit = job, job.name, limit
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._answers: queue.Queue[str] = queue.Queue()

    def start(self) -> dict[str, Any]:
        """Start it, and let it play a first iteration; its cold start, tier and settings.

        Raises:
            ContenderError: it cannot be built, died, or took too long; so do all other methods.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ganzoo.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", **os.environ},  # in which NVML counts
            text=True,
            encoding="utf-8",
        )
        threading.Thread(target=self._read, daemon=True).start()
        return self._told({**self.job.as_dict(), "started": time.time()})

    def warm_up(self) -> dict[str, Any]:
        """Run until it is equally fast; ``warm_up`` and ``iterations_per_block``."""
        return self._told({"do": "warm_up"})

    def block(self) -> Block:
        """One timed block."""
        return Block(**self._told({"do": "block"}))

    def peaks(self) -> dict[str, float | None]:
        """What the device does at this moment."""
        return self._told({"do": "peaks"})

    def environment(self) -> dict[str, Any]:
        """Versions of the software, and what the machine is."""
        return self._told({"do": "environment"})

    def finish(self) -> dict[str, Any]:
        """Single iterations, memory, and whether the weights are finite; it trains no more afterwards."""
        return self._told({"do": "finish"})

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *exc: Any) -> None:
        if hasattr(self, "_process"):
            self._process.kill()
            self._process.communicate()
        self._errors.close()

    def _told(self, words: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(words) + "\n")
            self._process.stdin.flush()
            line = self._answers.get(timeout=self.limit)
        except queue.Empty:
            self._process.kill()
            raise ContenderError(f"{self.name} did not answer within {self.limit:.0f} s") from None
        except OSError:
            line = ""
        answer: dict[str, Any] = json.loads(line) if line else {"error": self._last_words()}
        if "error" in answer:
            raise ContenderError(answer["error"])
        done: dict[str, Any] = answer["done"]
        return done

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")  # it has ended

    def _last_words(self) -> str:
        code = self._process.wait()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"its process {how}" + (f": {' | '.join(lines[-_TOLD:])}" if lines else "")
