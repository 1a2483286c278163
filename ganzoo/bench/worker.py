"""The process of a contender: `python -m ganzoo.bench.worker`, driven line by line over its standard streams.

The first line is the job and the time when the process was started; every other one names what to do. Each is answered
by a line of JSON, ``{"done": ...}`` or ``{"error": ...}``. What libraries print goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, TextIO


def main() -> int:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    first = sys.stdin.readline()
    try:
        worker = _Worker(**json.loads(first))
        _answer(answers, done=worker.start())
        for line in sys.stdin:
            _answer(answers, done=getattr(worker, json.loads(line)["do"])())
    except BrokenPipeError:
        return 1
    except Exception as error:
        _answer(answers, error=_told(error))
        return 1
    return 0


class _Worker:
    """What can be asked of it: the names are those of the lines."""

    def __init__(self, kind: str, config: dict[str, Any], seconds: float, started: float) -> None:
        from ganzoo.config import make_config

        from . import entrant

        self.imports = time.time() - started
        self.tools, self.seconds = entrant, seconds
        self.entrant = (entrant.Plain if kind == "plain" else entrant.Ganzoo)(make_config(config))
        self.iterations = self.entrant.span
        self.blocks: list[float] = []

    def start(self) -> dict[str, Any]:
        first = self.tools.timed(self.entrant, 1)
        timings = {"imports": self.imports, **self.entrant.timings, "first": first.seconds}
        return {
            "cold_start": {name: round(value, 4) for name, value in timings.items()},
            "images_per_iteration": self.entrant.images,
            **self.entrant.facts(),
        }

    def warm_up(self) -> dict[str, Any]:
        found = self.tools.warm_up(self._run, self.seconds, self.entrant.span)
        self.iterations = found.pop("block")
        return {"warm_up": found, "iterations_per_block": self.iterations}

    def block(self) -> dict[str, Any]:
        before = time.process_time()
        if self.iterations > self.entrant.span:  # an iteration as long as a block would double its cost
            self._run(self.entrant.span)  # fills caches again that another contender has emptied
        lead = time.process_time() - before
        found = self.tools.timed(self.entrant, self.iterations)
        self.blocks.append(found.seconds)
        return {**found.model_dump(exclude_none=True), "lead_cpu_seconds": round(lead, 6)}

    def peaks(self) -> dict[str, Any]:
        return self.tools.device_peaks(self.entrant.device)

    def finish(self) -> dict[str, Any]:
        report = {
            "iteration_seconds": self._each_iteration(),
            "memory": self.tools.memory(self.entrant.device),
            "finite": self.entrant.finite(),
            "flops_per_image": self.entrant.flops(),
        }
        self.entrant.close()
        return report

    def environment(self) -> dict[str, Any]:
        from ganzoo.training.environment import environment

        return environment(self.entrant.device)

    def _each_iteration(self) -> list[float]:
        span = self.entrant.span
        if self.iterations == span and len(self.blocks) >= self.tools.FEWEST:  # each block was one already
            return [round(seconds / span, 7) for seconds in self.blocks]
        return self.tools.each_iteration(self.entrant, self.seconds, self._run(span) / span)

    def _run(self, iterations: int) -> float:
        return self.tools.timed(self.entrant, iterations).seconds


def _told(error: Exception) -> str:
    """One line, without the traceback, which stderr has."""
    import traceback

    from ganzoo.errors import GanzooError

    if isinstance(error, GanzooError):
        return str(error)
    traceback.print_exception(error)
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"


def _answer(stream: TextIO, **words: Any) -> None:
    stream.write(json.dumps(words) + "\n")
    stream.flush()


if __name__ == "__main__":
    raise SystemExit(main())
