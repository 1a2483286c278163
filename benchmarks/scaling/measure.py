"""One training in a process of its own, from the opening of its data to its end."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganzoo.bench.machine import load_average
from ganzoo.config import make_config
from ganzoo.report.observer import Pictures
from ganzoo.training.session import Session

from .process import peak, resident
from .recorder import Recorder

WAITING = 0.1
"""The share of its time that a process may wait for a core before its times count as noisy."""


def measure(raw: Mapping[str, Any], marks: Sequence[int], run: Path, deadline: float) -> dict[str, Any]:
    """Train, and what the record says of it. Nothing else may have run in this process.

    Args:
        raw: plain values of the config.
        marks: numbers of images drawn at which the process is looked at.
        run: the run folder, which is made.
        deadline: on the monotonic clock; the training is stopped then.

    Raises:
        GanzooError: the config cannot be trained.
    """
    load, imported = load_average(), resident()
    wall, cpu = time.perf_counter(), time.process_time()
    session = Session(make_config(raw))
    opened = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    opened |= {"resident_bytes": resident(), "peak_bytes": peak()}
    recorder = Recorder(marks, deadline=deadline)
    session.train(run, resume=False, observers=[Pictures(), recorder])
    return {
        "engine": session.execution.as_dict() if session.execution else {},
        "storage": session.batcher.storage,
        "imported_bytes": imported,
        "opened": {name: round(value, 6) for name, value in opened.items()},
        "marks": recorder.marks,
        "stopped": recorder.stopped,
        "ended": {"resident_bytes": resident(), "peak_bytes": peak()},
        "windows": recorder.windows(),
        "load_average": {"before": load, "after": load_average()},
    }


def noisy(measured: Mapping[str, Any], *, alone: bool) -> bool:
    """Whether other work slowed a measurement: it waited for a core, or more processes wanted to run than there are.

    Args:
        measured: what :func:`measure` gave.
        alone: the process had no workers to wait for, so that its time and its processor time can be compared.
    """
    windows = measured["windows"]
    waited = 1 - sum(windows["cpu_seconds"]) / max(sum(windows["seconds"]), 1e-9)
    load = measured["load_average"]["after"]
    return (alone and waited > WAITING) or bool(load and load[0] > (os.cpu_count() or 1))
