"""How far a training step is from what this processor could do: `python benchmarks/limits.py`.

Writes benchmarks/results/limits-DEVICE.json. For each case it counts the arithmetic of one iteration, gradients of
gradients included, and the bytes that weights and their optimizer must move; it measures, at the same moment, what one
thread, or the GPU, multiplies and copies in a second; and it measures the iteration itself, in the engine asked for.
The limit is

    seconds = FLOPs in bfloat16 / peak in bfloat16 + FLOPs in float32 / peak in float32 + bytes / bandwidth

and the share reached is the limit over the measured time. It is a limit of the arithmetic as the game asks for it: no
activation, normalisation, random number or launch is in it. A multiplication and an addition are two FLOPs. What is
float32 under bf16 is TensorFloat-32 on a GPU, and its peak is that one's. On a GPU the kernels of an iteration are
counted and timed, too, by torch's profiler: the rest of the time none runs.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from baselines.contest import Contender, Settings, ganzoo
from race import positive, whole
from rich.console import Console
from rich.table import Table

from ganzoo.bench.machine import git, load_average
from ganzoo.bench.work import Work, count_iteration, peaks
from ganzoo.config import RunConfig, make_config
from ganzoo.durable import replace_json
from ganzoo.errors import GanzooError
from ganzoo.training.engine.choice import TIERS
from ganzoo.training.engine.engine import Engine
from ganzoo.training.engine.tiers import SPAN
from ganzoo.training.environment import environment, find_device
from ganzoo.training.precision import resolve_precision
from ganzoo.training.session import Session
from ganzoo.training.tuning.allocator import release

RESULTS = Path(__file__).parent / "results"
VARIANTS: dict[str, dict[str, str]] = {
    "vanilla": {},
    "dcgan": {},
    "lsgan": {},
    "wgan-gp": {},
    "began": {"backbone": "began"},  # the convolutions of its paper
}
"""The variants, each with what it changes of its defaults."""

_FLOAT, _HALF = 4, 2  # bytes


def least_bytes(engine: Engine) -> dict[str, int]:
    r"""Bytes that one iteration moves at least for its weights, were none of them kept in a cache.

    A player of P weights: its gradient is written once (4 P); Adam reads weights, gradients and both moments and
    writes all but the gradients (28 P); the passes that follow read the new weights once (4 P), and below float32 write
    and read a copy of half the size (4 P more). The moving average reads two and writes one number for each of its own.
    """
    (plan,) = engine.plans(1)
    updates = [engine.players[name] for names in plan for name in names]
    weights = sum(parameter.numel() for player in updates for parameter in player.params)
    averaged = list(engine.ema.module.state_dict().values()) if engine.ema else []
    return {
        "gradients": _FLOAT * weights,
        "adam": 7 * _FLOAT * weights,
        "weights": _FLOAT * weights,
        "casts": 2 * _HALF * weights if engine.precision == "bf16" else 0,
        "ema": 3 * _FLOAT * sum(tensor.numel() for tensor in averaged if tensor.is_floating_point()),
    }


def kernels(contender: Contender) -> dict[str, float] | None:
    """Kernels that an iteration launches and the seconds that they take; None where there are none to count."""
    if contender.device.type != "cuda":
        return None
    contender.run(SPAN)  # so that the profiler sees a whole span of the tier
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiled:
        contender.run(SPAN)
        torch.cuda.synchronize(contender.device)
    events = [event for event in profiled.events() if event.device_type == torch.autograd.DeviceType.CUDA]
    microseconds = sum(event.self_device_time_total for event in events)
    return {"number": len(events) / SPAN, "seconds": microseconds / 1e6 / SPAN}


def limit(flops: dict[str, int], moved: int, peak: dict[str, float | None]) -> dict[str, float]:
    """Seconds that an iteration takes at least: for its arithmetic, its memory, and both one after the other."""
    arithmetic = sum(number / (peak[name] or peak["fp32"] or 1) for name, number in flops.items())
    memory = moved / (peak["bandwidth"] or 1)
    return {"arithmetic": arithmetic, "memory": memory, "both": arithmetic + memory}


class Limits:
    """All cases of a command line, and their record.

    Args:
        arguments: what was asked for.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.device = find_device(arguments.device)
        self.precision = arguments.precision or resolve_precision("auto", self.device)
        self.out: Path = arguments.out or RESULTS / f"limits-{self.device.type}.json"
        self.defaults = Settings.now()

    def run(self, console: Console) -> int:
        """Measure, and write the record after each case; the number of those that failed."""
        record = {**self.heading(), "cases": []}
        release()  # so that the system's allocator is in one and the same state in all cases
        self.out.parent.mkdir(parents=True, exist_ok=True)
        for variant in self.arguments.variants:
            before = load_average()
            try:
                found = self.case(variant)
            except (GanzooError, RuntimeError, MemoryError) as error:  # this case alone; the others go on
                found = {"failed": f"{type(error).__name__}: {error}"}
            load = {"before": before, "after": load_average()}
            record["cases"].append({"case": variant, "load_average": load, **found})
            replace_json(self.out, record)
        show(console, record)
        return sum("failed" in found for found in record["cases"])

    def heading(self) -> dict[str, Any]:
        """What all cases share."""
        asked = vars(self.arguments)
        kept = ("batch_size", "threads", "engine", "blocks", "seconds", "seed", "matrix", "megabytes", "repeats")
        return {
            "format": 1,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "git": git(),
            "asked": {name: asked[name] for name in kept},
            "precision": self.precision,
            "environment": environment(self.device),
            "torch": torch.__version__,
        }

    def case(self, variant: str) -> dict[str, Any]:
        """Count and time ``variant``, and measure the peaks beside it."""
        asked = self.arguments
        self.defaults.apply()
        with (session := Session(self.config(variant))).batcher:
            contender = ganzoo(variant, session)
            contender.calibrate(asked.seconds)
            work, moved = count_iteration(session.engine), least_bytes(session.engine)
            half = self.precision == "bf16"
            peak = peaks(asked.matrix, asked.megabytes, asked.repeats, half=half, device=self.device)
            if self.precision != "fp32":
                peak["fp32"] = peak.pop("tf32", peak["fp32"])
            for _ in range(asked.blocks):
                contender.block()
            return {**described(contender, work, moved, peak), "kernels": kernels(contender)}

    def config(self, variant: str) -> RunConfig:
        """The config of ``variant`` on MNIST."""
        asked = self.arguments
        training = {
            "batch_size": asked.batch_size,
            "device": str(self.device),
            "precision": self.precision,
            "seed": asked.seed,
            "threads": asked.threads,
            "engine": asked.engine,
        }
        data = {"dataset": "mnist", **({"data_dir": asked.data_dir} if asked.data_dir else {})}
        return make_config({"variant": variant, **VARIANTS[variant], "training": training, "data": data})


def described(contender: Contender, work: Work, moved: dict[str, int], peak: dict[str, float | None]) -> dict[str, Any]:
    """The record of a case; times are in seconds an iteration."""
    flops = dict(work.flops)
    least = limit(flops, sum(moved.values()), peak)
    measured = statistics.median(contender.seconds) / contender.iterations
    return {
        "flops": flops,
        "bytes": moved,
        "operators": work.operators,
        "peaks": peak,
        "limit_seconds": least,
        "seconds": measured,
        "share": least["both"] / measured,
        "arithmetic_share": least["arithmetic"] / measured,
        "contender": contender.record(),
    }


def show(console: Console, record: dict[str, Any]) -> None:
    """Print all cases."""
    titles = ("case", "GFLOP bf16", "GFLOP fp32", "MB", "operators", "limit ms", "measured ms", "share")
    table = Table(*titles, box=None, header_style="bold")
    for found in record["cases"]:
        table.add_row(*([found["case"], found["failed"]] if "failed" in found else _row(found)))
    console.print(table)


def _row(found: dict[str, Any]) -> list[str]:
    flops = [f"{found['flops'].get(name, 0) / 1e9:.3f}" for name in ("bf16", "fp32")]
    moved, least = sum(found["bytes"].values()) / 1e6, found["limit_seconds"]["both"]
    times = [f"{1e3 * seconds:.2f}" for seconds in (least, found["seconds"])]
    return [found["case"], *flops, f"{moved:.1f}", f"{found['operators']:,}", *times, f"{found['share']:.0%}"]


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add, number = parser.add_argument, whole(1)
    add("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS), metavar="NAME", help=", ".join(VARIANTS))
    add("--batch-size", type=number, default=64, metavar="N")
    add("--precision", choices=["fp32", "bf16"], help="bfloat16 where the processor computes in it, if left out")
    add("--device", default="cpu", help="cpu, cuda, cuda:N or auto")
    add("--engine", choices=TIERS, default="eager", help="what executes an iteration")
    add("--threads", type=number, default=1, help="CPU threads")
    add("--blocks", type=number, default=10, help="blocks that are timed")
    add("--seconds", type=positive, default=1.0, help="length of a block")
    add("--matrix", type=number, default=2048, metavar="N", help="rows of the matrices whose product is the peak")
    add("--megabytes", type=number, default=256, metavar="N", help="size of the tensor that is copied")
    add("--repeats", type=number, default=9, help="measurements of each peak")
    add("--seed", type=whole(0), default=0)
    add("--data-dir", type=Path, help="where MNIST lies; before GANZOO_DATA and the cache folder")
    add("--out", type=Path, help="the record, benchmarks/results/limits-DEVICE.json if left out")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Measure; the exit status."""
    try:
        return 1 if Limits(parse(words)).run(Console()) else 0
    except GanzooError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
