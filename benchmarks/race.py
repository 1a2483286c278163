"""Race ganzoo against the plain loops of benchmarks/baselines/: `python benchmarks/race.py`.

Writes benchmarks/results/race-DEVICE.json. For each case and batch size, the plain loop and ganzoo (once for each
precision and each engine asked for) train the same networks on the same data in one process, in blocks that take turns
(A B B A), so that a busy or a warming machine slows all alike. A block takes about `--seconds`; its number of
iterations is found beforehand, which also warms up. The figure is the median over blocks of the ratio of images a
second, with a bootstrap interval of 95 %. ganzoo trains as `ganzoo run` does by default, the moving average of the
generator included, which the plain loops do not have; on a CPU it keeps freed memory, where the plain loops run under
the system's allocator. A tier other than eager runs only after its parity gate, whose finding is in the record.
"""

from __future__ import annotations

import argparse
import gc
import math
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import torch
from baselines.contest import CASES, Contender, Settings, case_config, ganzoo, plain
from baselines.surroundings import busy
from rich.console import Console
from rich.table import Table

from ganzoo.bench.machine import git, load_average
from ganzoo.bench.statistics import ratio, turns
from ganzoo.config import RunConfig
from ganzoo.durable import replace_json
from ganzoo.errors import ConfigError, GanzooError
from ganzoo.training.engine.choice import TIERS
from ganzoo.training.environment import environment, find_device
from ganzoo.training.session import Session
from ganzoo.training.tuning.allocator import release

RESULTS = Path(__file__).parent / "results"


class Race:
    """All contests of a command line, and their record.

    Args:
        arguments: what was asked for.

    Raises:
        ConfigError: an option that does not fit; nothing was run.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.device = find_device(arguments.device)
        self.defaults = Settings.now()
        self.plain_threads = _plain_threads(arguments, self.defaults.threads)
        self.out: Path = arguments.out or RESULTS / f"race-{self.device.type}.json"
        self.plan = [(job, self.configs(*job)) for job in product(arguments.cases, arguments.batch_sizes)]

    def configs(self, case: str, batch_size: int) -> dict[str, RunConfig]:
        """The configs of ganzoo's contenders, by name."""
        asked, configs = self.arguments, {}
        for precision, engine in product(asked.precision, asked.engine):
            training = {
                "batch_size": batch_size,
                "device": str(self.device),
                "precision": precision,
                "seed": asked.seed,
                "threads": asked.threads,
                "engine": engine,
            }
            data = {"data_dir": asked.data_dir} if asked.data_dir else {}
            configs[f"ganzoo {precision} {engine}"] = case_config(case, training, data)
        return configs

    def run(self, console: Console) -> int:
        """Hold the contests and write the record after each; the number of those that failed or lack a contender."""
        record = {**self.heading(), "contests": []}
        release()  # so that the system's allocator is in one and the same state in the first contest and in later ones
        with busy(self.arguments.busy):
            for (case, batch_size), configs in self.plan:
                before = load_average()
                try:
                    found = self.contest(case, configs)
                except (GanzooError, RuntimeError, MemoryError) as error:  # a batch that does not fit, above all
                    found = {"failed": f"{type(error).__name__}: {error}"}
                load = {"before": before, "after": load_average()}
                record["contests"].append({"case": case, "batch_size": batch_size, "load_average": load, **found})
                self.out.parent.mkdir(parents=True, exist_ok=True)
                replace_json(self.out, record)
                show(console, record["contests"][-1])
                self._clean()
        return sum("failed" in contest or bool(contest["refused"]) for contest in record["contests"])

    def heading(self) -> dict[str, Any]:
        """What all contests share."""
        asked = vars(self.arguments)
        kept = ("seconds", "blocks", "seed", "busy", "threads", "plain_threads", "detached", "precision", "engine")
        return {
            "format": 1,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "git": git(),
            "asked": {name: asked[name] for name in kept},
            "default_threads": self.defaults.threads,
            "environment": environment(self.device),
            "torch": torch.__version__,
        }

    def contest(self, case: str, configs: dict[str, RunConfig]) -> dict[str, Any]:
        """Run the plain loop and ganzoo in turns; what the record says of each."""
        asked = self.arguments
        with ExitStack() as stack:
            contenders, refused = self.contenders(case, configs, stack)
            for contender in contenders:
                contender.calibrate(asked.seconds)
            for order in turns(len(contenders), asked.blocks):
                for index in order:
                    contenders[index].block()
            described = [describe(each, contenders[0], asked.seed) for each in contenders]
            return {"contenders": described, "refused": refused}

    def contenders(
        self, case: str, configs: dict[str, RunConfig], stack: ExitStack
    ) -> tuple[list[Contender], dict[str, str]]:
        """The plain loop, and a session for each config, which ``stack`` closes; each built under torch's defaults.

        Returns:
            Those that run, and why the others do not: a tier that this device or this game does not allow.
        """
        first = next(iter(configs.values()))
        settings = replace(self.defaults, threads=self.plain_threads)
        how = {"detached": True} if self.arguments.detached and first.variant == "wgan-gp" else {}
        self.defaults.apply()
        contenders, refused = [plain(case, first, settings, self.device, **how)], {}
        for name, config in configs.items():
            self.defaults.apply()
            session = Session(config)
            stack.enter_context(session.batcher)
            try:
                contenders.append(ganzoo(name, session))
            except GanzooError as error:
                refused[name] = error.problem
        return contenders, refused

    def _clean(self) -> None:
        """Give back what a contest held, so that the next one starts on an empty device."""
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def describe(contender: Contender, rival: Contender, seed: int) -> dict[str, Any]:
    """The record of a contender, with its speed as a multiple of the ``rival``'s."""
    found = None if contender is rival else asdict(ratio(contender.rates(), rival.rates(), seed=seed))
    return {**contender.record(), "times_as_fast_as_plain": found}


def show(console: Console, contest: dict[str, Any]) -> None:
    """Print a contest."""
    table = Table("contender", "tier", "threads", "images/s", "x plain", "95 %", box=None, header_style="bold")
    for each in contest.get("contenders", []):
        figure = each["times_as_fast_as_plain"]
        texts = [f"{figure['median']:.2f}", f"{figure['low']:.2f} to {figure['high']:.2f}"] if figure else ["1", ""]
        warning = [] if each["finite"] else ["[red]weights are not finite[/red]"]
        threads = str(each["settings"]["threads"])
        table.add_row(each["name"], each["tier"], threads, f"{each['images_per_second']:,.0f}", *texts, *warning)
    load = " to ".join(str(each[0]) for each in contest["load_average"].values() if each)
    console.print(f"\n[bold]{contest['case']}[/bold], batch {contest['batch_size']}, load {load or 'unknown'}")
    console.print(f"failed: {contest['failed']}" if "failed" in contest else table, markup="failed" not in contest)
    for name, reason in contest.get("refused", {}).items():
        console.print(f"{name} did not run: {reason}", markup=False)


def _plain_threads(arguments: argparse.Namespace, default: int) -> int:
    if arguments.plain_threads != "default":
        return int(arguments.plain_threads or arguments.threads)
    if "OMP_NUM_THREADS" in os.environ:
        raise ConfigError(
            f"--plain-threads default: OMP_NUM_THREADS={os.environ['OMP_NUM_THREADS']} replaces torch's default",
            fix="unset OMP_NUM_THREADS, or name a number of threads",
        )
    return default


def whole(least: int, *, words: Sequence[str] = ()) -> Callable[[str], int | str]:
    """A parser of whole numbers from ``least`` on, and of ``words``."""

    def parse(text: str) -> int | str:
        if text in words:
            return text
        if not text.isdecimal() or int(text) < least:
            choices = "".join(f", nor {word!r}" for word in words)
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on{choices}")
        return int(text)

    return parse


def positive(text: str) -> float:
    """A finite number above zero."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return number


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    count = whole(1)
    add = parser.add_argument
    add("--cases", nargs="+", choices=CASES, default=list(CASES), metavar="CASE", help=", ".join(CASES))
    add("--batch-sizes", nargs="+", type=count, default=[64, 256, 1024], metavar="N")
    add("--threads", type=count, default=1, help="CPU threads of ganzoo, and of the plain loop unless told otherwise")
    threads = whole(1, words=["default"])
    add("--plain-threads", type=threads, help="CPU threads of the plain loop: a number, or default for torch's choice")
    add("--device", default="cpu", help="cpu, cuda, cuda:N or auto")
    add("--precision", nargs="+", choices=["fp32", "tf32", "bf16"], default=["fp32", "bf16"], help="of ganzoo")
    engines = f"engines of ganzoo to race, one contender each: {', '.join(TIERS)}, auto"
    add("--engine", nargs="+", default=["eager"], metavar="NAME", help=engines)
    add("--blocks", type=count, default=10, help="blocks of each contender")
    add("--seconds", type=positive, default=1.0, help="length of a block")
    add("--busy", type=whole(0), default=0, metavar="N", help="keep N cores busy with other work meanwhile")
    add("--detached", action="store_true", help="spare the WGAN-GP loop the generator's gradients in critic steps")
    add("--seed", type=whole(0), default=0)
    add("--data-dir", type=Path, help="where MNIST lies; before GANZOO_DATA and the cache folder")
    add("--out", type=Path, help="the record, benchmarks/results/race-DEVICE.json if left out")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Race; the exit status."""
    try:
        return 1 if Race(parse(words)).run(Console()) else 0
    except GanzooError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
