"""A whole suite: what is left to do of it, on which device, and the file that grows with every part.

Every part (a contest, a training) is written as soon as it is done, so an interrupted benchmark goes on where it
stopped: the same command leaves alone what is in its folder, tries again what failed, and does the rest. Parts are
shared out among the devices, each of which does one at a time.

Free of torch.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ganzoo.errors import ConfigError, GanzooError

from . import machine
from .contest import Say, hold
from .job import Job, jobs
from .process import Process
from .result import Contest, Failure, Result, Training, read_result, write_result
from .suite import Suite
from .trainings import train

RESULTS = "results.json"
_PER_CONTENDER = 1_500_000_000
"""Bytes that a contender is taken to need, for the number of those that wait in memory at once."""


@dataclass(frozen=True)
class Part:
    """One contest or one training."""

    contest: tuple[Job, ...] = ()
    training: tuple[str, int] | None = None

    def __str__(self) -> str:
        if self.training:
            return f"{self.training[0]}, seed {self.training[1]}"
        return f"contest at batch {self.contest[0].config['training']['batch_size']}"


class Bench:
    """A benchmark in a folder.

    Args:
        suite: what is measured, its variants chosen.
        devices: where; parts are shared among them.
        out: the folder.
        trainings: how many trainings share a device at once.
        say: is told what is being done.

    Raises:
        ConfigError: the folder holds another benchmark; nothing was touched.
    """

    def __init__(
        self,
        suite: Suite,
        devices: Sequence[str],
        out: Path,
        *,
        trainings: int = 1,
        say: Say = lambda text: None,
    ) -> None:
        self.suite, self.devices, self.out = suite, list(devices), out
        self.trainings, self.say = trainings, say
        self.path = out / RESULTS
        self._lock = threading.Lock()
        self._earlier = self._read()
        self._contests: list[Contest] = []
        self._trainings: dict[tuple[str, int], Training] = {}
        self._failures: list[Failure] = []
        self._environment: dict[str, Any] = self._earlier.environment if self._earlier else {}
        self._started = self._earlier.started if self._earlier else datetime.now(UTC).isoformat(timespec="seconds")

    def run(self) -> Result:
        """Do what is left; the whole result."""
        for kind, workers in (("contest", 1), ("training", self.trainings)):
            parts = [part for part in self.parts() if bool(part.training) == (kind == "training")]
            left = [part for part in parts if not self._kept(part)]
            share(left, [device for device in self.devices for _ in range(workers)], self._do)
        return self.result()

    def parts(self) -> list[Part]:
        """All that the suite asks for; trainings seed by seed, so that an early stop leaves whole rows."""
        suite, found = self.suite, []
        if speed := suite.throughput:
            for batch_size in dict.fromkeys(speed.batch_sizes):
                together = jobs(suite, batch_size, self.devices[0])
                found += [Part(contest=tuple(group)) for group in groups(together, self._room())]
        if suite.quality:
            found += [Part(training=(variant, seed)) for seed in suite.seeds for variant in suite.variants]
        return found

    def result(self) -> Result:
        """What was found so far."""
        order = [(variant, seed) for seed in self.suite.seeds for variant in self.suite.variants]
        return Result(
            suite=self.suite.to_dict(),
            started=self._started,
            git=self._commit(),
            environment=self._environment,
            contests=sorted(self._contests, key=lambda contest: contest.batch_size),
            trainings=[self._trainings[key] for key in order if key in self._trainings],
            failures=self._failures,
        )

    def _commit(self) -> dict[str, Any] | None:
        """The commit of the code; ``since`` names an earlier one that a part of the result was measured with."""
        now, earlier = machine.git(), self._earlier.git if self._earlier else None
        if now is None or earlier is None or earlier.get("since", earlier["commit"]) == now["commit"]:
            return now
        return {**now, "since": earlier.get("since", earlier["commit"])}

    def _read(self) -> Result | None:
        if not self.path.is_file():
            return None
        found = read_result(self.path)
        if found.suite != self.suite.to_dict():
            fix = "repeat its options to go on with it, or choose another --out"
            raise ConfigError(f"{self.path} is of a benchmark with other options", fix=fix)
        return found

    def _kept(self, part: Part) -> bool:
        """Take over what an earlier session has done of it."""
        if self._earlier is None:
            return False
        if part.training:
            done = [each for each in self._earlier.trainings if (each.variant, each.seed) == part.training]
            if done:
                self._trainings[part.training] = done[0]
            return bool(done)
        wanted = sorted(_identity(job.kind, job.config) for job in part.contest)
        for contest in self._earlier.contests:
            if sorted(_identity(each.kind, each.config) for each in contest.contenders) == wanted:
                self._contests.append(contest)
                return True
        return False

    def _do(self, part: Part, device: str) -> None:
        self.say(str(part))
        contest, training, failures = None, None, list[Failure]()
        try:
            if part.training:
                training = train(self.suite, *part.training, device, self.out / "runs")
            else:
                contest, failures = hold(self._on(part.contest, device), self._blocks(), device, say=self.say)
        except GanzooError as error:  # this part alone; the others go on
            failures = [Failure(what=str(part), reason=str(error))]
        with self._lock:
            self._contests += [contest] if contest else []
            if part.training and training:
                self._trainings[part.training] = training
            self._failures += failures
            self._environment = self._environment or (training.environment if training else self._look(part, device))
            write_result(self.path, self.result())

    def _look(self, part: Part, device: str) -> dict[str, Any]:
        """Machine and software, as a process sees them that computes on the device."""
        job = next((job for job in self._on(part.contest, device) if job.kind == "ganzoo"), None)
        if job is None:
            return {}
        try:
            with Process(job) as process:
                process.start()
                return process.environment()
        except GanzooError:
            return {}

    def _blocks(self) -> int:
        assert self.suite.throughput is not None
        return self.suite.throughput.blocks

    def _on(self, contest: tuple[Job, ...], device: str) -> list[Job]:
        """The same contenders on ``device``."""
        found = []
        for job in contest:
            training = {**job.config["training"], "device": device}
            found.append(Job(kind=job.kind, config={**job.config, "training": training}, seconds=job.seconds))
        return found

    def _room(self) -> int:
        """Contenders that fit into memory at once; at least two, which make a contest."""
        free = machine.available_bytes()
        return max(2, free // _PER_CONTENDER) if free else 8


def _identity(kind: str, config: Mapping[str, Any]) -> str:
    """What a contender is, wherever it runs."""
    training = {name: value for name, value in config["training"].items() if name != "device"}
    return json.dumps([kind, {**config, "training": training}], sort_keys=True)


def groups(contenders: Sequence[Job], room: int) -> list[list[Job]]:
    """``contenders`` in groups of at most ``room`` where that goes, those of one variant together."""
    found: list[list[Job]] = [[]]
    for variant in dict.fromkeys(job.config["variant"] for job in contenders):
        own = [job for job in contenders if job.config["variant"] == variant]
        if found[-1] and len(found[-1]) + len(own) > room:
            found.append([])
        found[-1] += own
    return found


def share(parts: Sequence[Part], places: Sequence[str], do: Callable[[Part, str], None]) -> None:
    """Do every part once, each place one at a time; what goes wrong unforeseen ends all of it.

    Args:
        parts: what is to be done, in the order in which it is begun.
        places: devices; one that stands there twice does two parts at once.
        do: does a part at a place.
    """
    left: queue.SimpleQueue[Part] = queue.SimpleQueue()
    for part in parts:
        left.put(part)
    troubles: list[BaseException] = []

    def work(place: str) -> None:
        while not troubles:
            try:
                part = left.get_nowait()
            except queue.Empty:
                return
            try:
                do(part, place)
            except BaseException as error:
                troubles.append(error)

    threads = [threading.Thread(target=work, args=(place,), daemon=True) for place in places[: len(parts)]]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():  # in pieces, so that Ctrl-C is heard
            thread.join(0.2)
    if troubles:
        raise troubles[0]
