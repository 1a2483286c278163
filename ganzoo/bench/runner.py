"""A whole suite: what is left to do of it, on which device, and the file that grows with every part.

Every part (a contest, a training) is written as soon as it is done, so an interrupted benchmark goes on where it
stopped: the same command leaves alone what is in its folder, tries again what failed, and does the rest. A contest is
left alone only if the code, the machine and the software are still those that it was held with; a training, which takes
far longer and is fixed by its config, says on what it ran. Parts are shared out among the devices, each of which does
one at a time.

Free of torch.
"""

from __future__ import annotations

import json
import queue
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ganzoo.errors import ConfigError, GanzooError
from ganzoo.training.host import host

from . import machine
from .contest import Say, hold
from .job import Job, jobs
from .result import Contender, Contest, Failure, Measured, Result, Training, read_result, write_result
from .suite import Suite
from .trainings import train

RESULTS = "results.json"
_HOST = ("cpu", "cores", "python", "packages")
"""Facts of machine and software that a contest hangs on."""
_PER_CONTENDER, _PER_CONTENDER_ON_GPU = 1_500_000_000, 6_000_000_000
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
        anew: hold all contests, whatever the folder has of them.
        say: is told what is being done.

    Raises:
        ConfigError: the folder holds another benchmark, or one of another kind of device; nothing was touched.
    """

    def __init__(
        self,
        suite: Suite,
        devices: Sequence[str],
        out: Path,
        *,
        trainings: int = 1,
        anew: bool = False,
        say: Say = lambda text: None,
    ) -> None:
        self.suite, self.devices, self.out = suite, list(devices), out
        self.trainings, self.anew, self.say = trainings, anew, say
        self.path = out / RESULTS
        self._lock = threading.Lock()
        self._earlier = self._read()
        self._contests: list[Contest] = []
        self._trainings: dict[tuple[str, int], Training] = {}
        self._failures: list[Failure] = []
        self._started = self._earlier.started if self._earlier else datetime.now(UTC).isoformat(timespec="seconds")

    def run(self) -> Result:
        """Do what is left; the whole result."""
        if self._earlier:
            self._trainings = {(each.variant, each.seed): each for each in self._earlier.trainings}
        contests = [Part(contest=tuple(group)) for group in self._contests_left()]
        share(contests, self.devices, self._do)
        trainings = [Part(training=key) for key in self._order() if key not in self._trainings]
        share(trainings, [device for device in self.devices for _ in range(self.trainings)], self._do)
        return self.result()

    def _contests_left(self) -> list[list[Job]]:
        """Groups of contenders that are still to be measured; takes over the contests that need not be held again."""
        found = []
        for batch_size in dict.fromkeys(self.suite.throughput.batch_sizes if self.suite.throughput else ()):
            wanted = jobs(self.suite, batch_size, self.devices[0])
            for contest in self._earlier.contests if self._earlier else ():
                variants = {each.variant for each in contest.contenders}
                own = [job for job in wanted if job.config["variant"] in variants]
                if own and _same(contest.contenders, own) and self._stands(contest):
                    self._contests.append(contest)
                    wanted = [job for job in wanted if job not in own]
            found += groups(wanted, self._room()) if wanted else []
        return found

    def _stands(self, contest: Contest) -> bool:
        """Whether a contest may be taken over: it would be held on the same machine with the same code."""
        if self.anew:
            return False
        git, here = machine.git(), host()
        reason = (
            "it ran with other code"
            if contest.git != git
            else next((f"{name} differs" for name in _HOST if contest.environment.get(name) != here[name]), None)
        )
        if reason:
            self.say(f"contest at batch {contest.batch_size} is held again: {reason}")
        return reason is None

    def _order(self) -> list[tuple[str, int]]:
        """Trainings, seed by seed, so that an early stop leaves whole rows."""
        if self.suite.quality is None:
            return []
        return [(variant, seed) for seed in self.suite.seeds for variant in self.suite.variants]

    def result(self) -> Result:
        """What was found so far."""
        contests = sorted(self._contests, key=lambda contest: contest.batch_size)
        trainings = [self._trainings[key] for key in self._order() if key in self._trainings]
        before = self._earlier  # whose parts may be of a time when they did not tell of themselves
        latest: list[Measured] = [*contests[-1:], *trainings[-1:]]
        return Result(
            suite=self.suite.to_dict(),
            started=self._started,
            git=next((part.git for part in latest if part.git), before.git if before else machine.git()),
            environment=next(
                (part.environment for part in latest if part.environment), before.environment if before else {}
            ),
            contests=contests,
            trainings=trainings,
            failures=self._failures,
        )

    def _read(self) -> Result | None:
        if not self.path.is_file():
            return None
        found = read_result(self.path)
        if found.suite != self.suite.to_dict():
            fix = "repeat its options to go on with it, or choose another --out"
            raise ConfigError(f"{self.path} is of a benchmark with other options", fix=fix)
        asked = {device.partition(":")[0] for device in self.devices}
        if other := _device_types(found) - asked - {"auto"}:
            here = ", ".join(sorted(other))
            raise ConfigError(
                f"{self.path} is of a benchmark on {here}", fix=f"choose another --out, or --device {here}"
            )
        return found

    def _do(self, part: Part, device: str) -> None:
        self.say(str(part))
        contest, training, failures = None, None, list[Failure]()
        try:
            if part.training:
                sharing = len(self.devices) * self.trainings
                training = train(self.suite, *part.training, device, self.out / "runs", together=sharing)
            else:
                contest, failures = hold(self._on(part.contest, device), self._blocks(), device, say=self.say)
        except GanzooError as error:  # this part alone; the others go on
            failures = [Failure(what=str(part), reason=str(error))]
        except Exception as error:  # so does a bug, ours or a plugin's
            traceback.print_exception(error)
            failures = [Failure(what=str(part), reason=f"{type(error).__name__}: {error}")]
        with self._lock:
            self._contests += [contest] if contest else []
            if part.training and training:
                self._trainings[part.training] = training
            self._failures += failures
            write_result(self.path, self.result())

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
        """Contenders that fit into the memory of machine and GPUs at once; at least two, which make a contest."""
        rooms = [(machine.available_bytes(), _PER_CONTENDER)]
        rooms += [(machine.free_gpu_bytes(device), _PER_CONTENDER_ON_GPU) for device in self.devices]
        counts = [free // each for free, each in rooms if free is not None]
        return max(2, min(counts, default=8))


def _same(contenders: Sequence[Contender], jobs: Sequence[Job]) -> bool:
    """Whether the contenders are those jobs, on whichever of several like devices."""
    had = sorted(_identity(each.kind, each.config) for each in contenders)
    return had == sorted(_identity(job.kind, job.config) for job in jobs)


def _identity(kind: str, config: Mapping[str, Any]) -> str:
    training = {name: value for name, value in config["training"].items() if name != "device"}
    return json.dumps([kind, {**config, "training": training}], sort_keys=True)


def _device_types(result: Result) -> set[str]:
    """The kinds of devices on which a result was measured."""
    names = [contest.device for contest in result.contests]
    names += [str(training.config["training"].get("device", "auto")) for training in result.trainings]
    return {name.partition(":")[0] for name in names}


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
