"""Show that memory and time per image stay flat: `python benchmarks/scale.py`.

Two questions, each answered by real trainings through ganzoo's session and trainer, which log, sample and save as
usual, and each of which has a process of its own:

Length: one training of `--images` images, looked at at each of these marks. Compared are the last mark and the one at
100,000 images, before which caches fill.

Size: trainings on folders of `--files` image files that are streamed, with `--workers` processes that read, and one on
a data set in memory. Each draws as many images as the largest folder has, in `--repeats` rounds that go through the
folders forwards and backwards. Compared are the largest and the smallest folder, and memory with that of the data set
in memory. (Not its time: a file costs its decoding.) The files come from the page cache, as they were just written.

The networks are MLPs of two hidden layers of 16 units, so that millions of images take minutes, and so that what is not
the networks weighs most. A time per image is the lower quartile over windows, from one line of the log to the next, in
the last part before a mark: other work on the machine can only prolong a window. The status is 0 if all is flat. Needs
Linux.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from scaling.folders import image_folder
from scaling.measure import measure, noisy
from scaling.process import readable
from scaling.tables import show
from scaling.verdict import Check, length_checks, size_checks

from ganzoo.bench.machine import git, load_average
from ganzoo.bench.statistics import turns
from ganzoo.config import RunConfig, make_config, overlay
from ganzoo.durable import replace_json
from ganzoo.errors import ConfigError, GanzooError
from ganzoo.training.environment import environment, find_device

RESULTS = Path(__file__).parent / "results"

NETWORKS = {"backbone": "mlp", "net": {"g_widths": [16, 16], "d_widths": [16, 16]}}
"""Of all variants: so small that the loop, the data and the files weigh most."""


@dataclass(frozen=True)
class Case:
    """A training to be measured.

    Attributes:
        kind: ``"length"``, ``"resident"`` (images in memory) or ``"folder"`` (images streamed from files).
        config: what is trained.
        marks: numbers of images drawn at which the process is looked at.
        files: in the folder; 0 where the images are in memory.
        workers: processes that read.
    """

    kind: str
    config: RunConfig
    marks: tuple[int, ...]
    files: int = 0
    workers: int = 0

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.files:,} files, {self.workers} workers" if self.files else self.kind

    def facts(self) -> dict[str, Any]:
        """What the record says of it. The config stands there, and is digested, as if its data lay nowhere."""
        away = {"dataset": f"folder:{self.files}"} if self.files else {}
        plain = {"data": self.config.data.model_copy(update={"data_dir": None, **away})}
        config = self.config.model_copy(update=plain)
        return {
            "kind": self.kind,
            "files": self.files,
            "workers": self.workers,
            "asked_marks": list(self.marks),
            "config_sha256": config.digest(),
            "config": config.to_dict(),
        }


class Scale:
    """All trainings of a command line, and their record.

    Args:
        arguments: what was asked for.

    Raises:
        ConfigError: an option that does not fit; nothing was run.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.device = find_device(arguments.device)
        self.marks = tuple(sorted(set(arguments.images)))
        self.files = sorted(set(arguments.files))
        self.workers = sorted(set(arguments.workers))
        self.out: Path = arguments.out or RESULTS / f"scale-{self.device.type}.json"
        self.deadline = time.monotonic() + 60 * arguments.limit_minutes
        _check(arguments, self.marks)
        self.config((self.marks[-1],))  # refuses what does not fit before folders are made

    def config(self, marks: Sequence[int], **data: Any) -> RunConfig:
        """The config of a training up to the last of ``marks``, on the data set in memory unless told otherwise."""
        asked = self.arguments
        training = {name: getattr(asked, name) for name in ("batch_size", "log_every", "seed", "threads", "engine")}
        training |= {"images": marks[-1], "device": str(self.device), "allocator": asked.allocator}
        held = {"dataset": asked.dataset, "data_dir": asked.data_dir, "storage": "device"}
        raw = {"variant": asked.variant, **NETWORKS, "training": training}
        return make_config(overlay(raw, {"data": {**held, **data}}))

    def cases(self, root: Path) -> Iterator[Case]:
        """The trainings in order; folders of images are made in ``root`` when the first of them is due."""
        yield Case("length", self.config(self.marks), self.marks)
        marks = (max(*self.files, self.arguments.batch_size * self.arguments.log_every),)
        yield Case("resident", self.config(marks), marks)
        plan = [case for files in self.files for case in self.folder_cases(root, files, marks)]
        for order in turns(len(plan), self.arguments.repeats):
            yield from (plan[index] for index in order)

    def folder_cases(self, root: Path, files: int, marks: tuple[int, ...]) -> Iterator[Case]:
        """The trainings on a folder of so many ``files``, which is made in ``root``."""
        path = root / f"{files}-files"
        image_folder(path, files, seed=self.arguments.seed)
        for workers in self.workers:
            config = self.config(marks, dataset=f"folder:{path}", storage="stream", workers=workers)
            yield Case("folder", config, marks, files, workers)

    def run(self, console: Console) -> int:
        """Train all of it and write the record after each; the number of checks that failed."""
        record = {**self.heading(), "cases": [], "checks": []}
        checks: list[Check] = []
        self.out.parent.mkdir(parents=True, exist_ok=True)
        with _scratch(self.arguments.keep) as root:
            for case in self.cases(root):
                console.print(case.name, highlight=False)
                record["cases"].append({**case.facts(), **self.train(case, root / "run")})
                checks = self.checks(record["cases"])
                record |= {"checks": [check.as_dict() for check in checks], "ended": _now()}
                replace_json(self.out, record)
        show(console, record["cases"], checks)
        return sum(not check.passed for check in checks)

    def train(self, case: Case, run: Path) -> dict[str, Any]:
        """What is found of a case, in a fresh process; why nothing was, if so.

        Raises:
            ConfigError: it can never be trained.
        """
        if time.monotonic() > self.deadline:
            return {"failed": "the time was over"}
        shutil.rmtree(run, ignore_errors=True)
        try:
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
                found = fresh.submit(measure, case.config.to_dict(), case.marks, run, self.deadline).result()
        except ConfigError:
            raise
        except (GanzooError, RuntimeError, MemoryError, OSError) as error:
            return {"failed": f"{type(error).__name__}: {error}"}
        finally:
            shutil.rmtree(run, ignore_errors=True)
        return {**found, "noisy": noisy(found, alone=not case.workers)}

    def checks(self, cases: Sequence[dict[str, Any]]) -> list[Check]:
        """The verdict on what was measured so far."""
        length, *others = cases
        by_length = length_checks({"marks": [], "windows": {}, **length})
        return by_length + size_checks(others, self.files, self.workers)

    def heading(self) -> dict[str, Any]:
        """What all trainings share."""
        asked = vars(self.arguments)
        kept = ("variant", "dataset", "batch_size", "log_every", "threads", "engine", "allocator", "repeats", "seed")
        return {
            "format": 1,
            "started": _now(),
            "git": git(),
            "asked": {name: asked[name] for name in kept},
            "environment": environment(self.device),
            "torch": torch.__version__,
            "load_average": load_average(),
        }


def _check(arguments: argparse.Namespace, marks: Sequence[int]) -> None:
    if not readable():
        raise ConfigError("this benchmark reads /proc, which only Linux has")
    window = arguments.batch_size * arguments.log_every
    if len(marks) < 2:
        raise ConfigError(f"--images {marks[0]} is a single mark", fix="name two at least, to be compared")
    if min(marks[0], *(late - early for early, late in pairwise(marks))) < window:
        raise ConfigError(
            f"--images {' '.join(map(str, marks))}: nothing is measured between marks that are closer than {window:,} "
            f"images, which is --batch-size {arguments.batch_size} times --log-every {arguments.log_every}",
            fix="lower --log-every or --batch-size",
        )


@contextmanager
def _scratch(keep: Path | None) -> Iterator[Path]:
    """A folder for images and runs: ``keep``, which stays, or one that is removed."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="ganzoo-scale-") as folder:
        yield Path(folder)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def whole(least: int) -> Callable[[str], int]:
    """A parser of whole numbers from ``least`` on."""

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on")
        return int(text)

    return parse


def positive(text: str) -> float:
    """A number above zero."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return number


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    count, add = whole(1), parser.add_argument
    add("--images", nargs="+", type=count, default=[10_000, 100_000, 1_000_000, 10_000_000], metavar="N", help="marks")
    add("--files", nargs="+", type=count, default=[1_000, 10_000, 100_000], metavar="N", help="sizes of folders")
    add("--workers", nargs="+", type=whole(0), default=[0, 2], metavar="N", help="processes that read a folder")
    add("--repeats", type=count, default=2, help="trainings on each folder")
    add("--variant", default="vanilla", help="what is trained; on the backbone mlp")
    add("--dataset", default="mnist", help="the data set in memory")
    add("--data-dir", type=Path, help="where it lies; before GANZOO_DATA and the cache folder")
    add("--batch-size", type=count, default=500, metavar="N")
    add("--log-every", type=count, default=20, metavar="N", help="iterations of a window")
    add("--device", default="cpu", help="cpu, cuda, cuda:N or auto")
    add("--threads", type=count, default=1, help="CPU threads")
    add("--engine", default="eager", help="how an iteration is executed")
    add("--allocator", default="system", help="system, keep or auto")
    add("--seed", type=whole(0), default=0)
    add("--keep", type=Path, metavar="FOLDER", help="keep the images there, or take those that are there")
    add("--limit-minutes", type=positive, default=math.inf, metavar="M", help="stop then, and judge what there is")
    add("--out", type=Path, help="the record, benchmarks/results/scale-DEVICE.json if left out")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Measure; the exit status."""
    try:
        return 1 if Scale(parse(words)).run(Console()) else 0
    except GanzooError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
