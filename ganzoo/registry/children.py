"""The child processes that load plugins on trial: started, timed, ended, and their reports read as verdicts."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from .loading import in_machinery
from .probe import Job
from .settings import DISABLE
from .verdicts import Verdict, code_of
from .vetting import VETTING, Plugin

_BOOT = (
    "import json, sys; job = json.loads(sys.argv[1]); sys.path[:] = job['path'];"
    "from ganzoo.registry.probe import main; main(job)"
)
_PATIENCE = 5.0
_STANDARD = os.path.dirname(os.__file__)

_log = logging.getLogger(__name__)

Findings = tuple[Verdict, Verdict]
"""What was found in loading a plugin, and what was found in all."""


def examine(plugins: Sequence[Plugin], limit: float, *, builders: bool) -> list[Findings | None]:
    """Load each of ``plugins`` in a process of its own, a few at once, for at most ``limit`` seconds.

    Returns:
        For each plugin its findings; None if no process could be started, which is no fault of the plugin.
    """
    waiting = list(range(len(plugins)))
    running: dict[int, _Child] = {}
    found: list[Findings | None] = [None] * len(plugins)
    patience = time.monotonic() + _PATIENCE
    try:
        while waiting or running:
            while waiting and len(running) < _width():
                index = waiting.pop(0)
                with contextlib.suppress(OSError):
                    running[index] = _Child(plugins[index], limit, builders=builders)
            for index in [index for index, child in running.items() if child.ended()]:
                found[index] = running.pop(index).findings()
            if running and not builders and time.monotonic() > patience:
                patience = float("inf")
                _tell([child.plugin for child in running.values()], limit)
            time.sleep(0.005)
    finally:
        for child in running.values():
            child.kill()
    return found


def _width() -> int:
    return min(8, 1 + (os.cpu_count() or 1))


def _tell(plugins: Sequence[Plugin], limit: float) -> None:
    names = ", ".join(f"{plugin.name} ({plugin.origin})" for plugin in plugins)
    _log.warning("loading for the first time, on trial, for at most %g s each: %s", limit, names)


class _Child:
    """A process that loads ``plugin``."""

    def __init__(self, plugin: Plugin, limit: float, *, builders: bool) -> None:
        self.plugin, self.limit, self.builders = plugin, limit, builders
        job = Job(
            path=[os.path.abspath(place) for place in sys.path],
            name=plugin.name,
            value=plugin.point.value,
            distribution=plugin.origin.distribution,
            builders=builders,
            dump_after=max(0.8 * limit, limit - 1),
        )
        # Files, not pipes: a process that the plugin leaves behind would keep a pipe open.
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        self._late = False
        self._deadline = time.monotonic() + limit
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BOOT, json.dumps(job)],
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._err,
            env={**os.environ, VETTING: "1"},
            start_new_session=True,
        )

    def ended(self) -> bool:
        """Whether the process has ended; one that is late is ended."""
        if self._process.poll() is None and time.monotonic() > self._deadline:
            self._late = True
            self.kill()
        return self._process.poll() is not None

    def kill(self) -> None:
        """End the process with what it started."""
        with contextlib.suppress(ProcessLookupError):
            if os.name == "posix":
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()

    def findings(self) -> Findings | None:
        """What the process reported before it ended, and how it ended."""
        stages = {stage["stage"]: stage for stage in map(json.loads, self._text(self._out).splitlines())}
        if "start" not in stages:  # ganzoo itself did not come up
            return None
        if "load" not in stages:
            verdict = self._condemned(self._ending("load") or "it ends the process")
            return verdict, verdict
        load = _verdict(stages["load"])
        if load.state != "ok":
            return load, load
        if not self.builders:
            ending = self._ending("end after it was loaded")
            load = self._condemned(ending) if ending else load
            return load, load
        return load, self._of_builders(load, stages)

    def _condemned(self, reason: str) -> Verdict:
        """The plugin took the process with it; one that was late may be slow and no more."""
        name = self.plugin.origin.distribution
        more = f"ganzoo plugins --check --timeout {4 * self.limit:g} if it is only slow, or pip uninstall {name}, "
        fix = f"{more}or set {DISABLE}={self.plugin.name}" if self._late else None
        return Verdict(state="broken", reason=reason, fix=fix)

    def _of_builders(self, load: Verdict, stages: dict[str, Any]) -> Verdict:
        notes = (*load.notes, *stages.get("builders", {}).get("notes", ()))
        builder = stages.get("builder", {}).get("builder", "of its specs")
        ending = self._ending("end" if "builders" in stages else "return")
        reason = stages.get("builders", {}).get("reason")
        fix = stages.get("builders", {}).get("fix")
        if ending and not reason:
            reason = f"with the builder {builder}, {ending}"
        state = Verdict(state="broken", reason=reason, fix=fix) if reason else load
        return Verdict(state=state.state, reason=reason, fix=fix, seconds=load.seconds, notes=notes)

    def _ending(self, aim: str) -> str | None:
        """How the process ended, if that was not in good order."""
        status = self._process.returncode
        if self._late:
            return f"it did not {aim} within {self.limit:g} s{self._place()}"
        if status < 0:
            with contextlib.suppress(ValueError):
                return f"it kills the process with {signal.Signals(-status).name}{self._place()}"
        return f"it ends the process with status {status}{self._place()}" if status else None

    def _place(self) -> str:
        """Where the process stood, by what faulthandler wrote: a line of the plugin's if there is one."""
        frames = re.findall(r'^  File "(.+)", line (\d+)', self._text(self._err), re.MULTILINE)
        folders = tuple({str(path.parent) for path in code_of(self.plugin.origin.module)})
        own = [frame for frame in frames if frame[0].startswith(folders)] if folders else []
        foreign = [frame for frame in frames if not in_machinery(frame[0]) and not frame[0].startswith(_STANDARD)]
        best = next(iter(own or foreign), None)
        return f" ({best[0]} line {best[1]})" if best else ""

    @staticmethod
    def _text(file: Any) -> str:
        file.seek(0)
        return str(file.read().decode("utf-8", "replace"))


def _verdict(stage: dict[str, Any]) -> Verdict:
    return Verdict(
        state=stage.get("state", "ok"),
        reason=stage.get("reason"),
        fix=stage.get("fix"),
        seconds=stage["seconds"],
        notes=tuple(stage["notes"]),
    )
