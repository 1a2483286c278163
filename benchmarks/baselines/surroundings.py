"""What goes on around a race: other work on purpose, the load of the machine, the commit of the code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(10**6))"
"""A program that keeps a core busy until the one that started it ends."""


@contextmanager
def busy(processes: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Keep so many cores busy with other work; the processes that do it."""
    running = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(processes)]
    try:
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()


def load_average() -> list[float] | None:
    """Processes that wanted to run, over 1, 5 and 15 minutes; None where the system does not tell."""
    return [round(each, 2) for each in os.getloadavg()] if hasattr(os, "getloadavg") else None


def git() -> dict[str, Any] | None:
    """The commit of this code, and whether it was changed since; None outside a repository."""
    asked = (["git", "-C", str(ROOT), *words] for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "-uno"]))
    try:
        commit, changes = (subprocess.run(words, capture_output=True, text=True, check=True).stdout for words in asked)
    except (OSError, subprocess.CalledProcessError):
        return None
    return {"commit": commit.strip(), "changed": bool(changes.strip())}
