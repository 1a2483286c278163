"""Is the plain loop of `ganzoo bench` as fast as the loops that people write? `python benchmarks/plain_check.py`.

Writes benchmarks/results/plain-check-cpu.json. For each case of benchmarks/baselines/ the loop that is written by hand
and ganzoo.bench.plain.PlainLoop, which plays any game, train the same networks on the same images in one process, in
blocks that take turns. A ratio of 1 says that speeds given as multiples of the general loop mean what they say.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from baselines.contest import CASES, Contender, Settings, case_config, plain
from race import positive, whole
from rich.console import Console
from rich.table import Table

from ganzoo.assembly import build_game
from ganzoo.bench.machine import git, load_average
from ganzoo.bench.plain import PlainLoop, plain_batches
from ganzoo.bench.statistics import ratio, turns
from ganzoo.config import RunConfig
from ganzoo.data.catalog import find_source
from ganzoo.durable import replace_json
from ganzoo.errors import GanzooError
from ganzoo.training.environment import environment
from ganzoo.training.seeding import seed_global

OUT = Path(__file__).parent / "results" / "plain-check-cpu.json"
CPU = torch.device("cpu")


def general(config: RunConfig, settings: Settings) -> Contender:
    """The loop that plays any game, on the game of ``config``."""
    seed_global(config.training.seed)
    source = find_source(config.data)
    game = build_game(config, source.info).train()
    loop = PlainLoop(game, plain_batches(source, config.data, config.training.batch_size), CPU)

    def run(iterations: int) -> None:
        for _ in range(iterations):
            loop.iterate()

    images = config.training.batch_size * len(game.rounds(0))
    return Contender("general", run, lambda: {"tier": "PlainLoop", "precision": "fp32"}, images, settings, CPU, (game,))


def compare(case: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """The two loops of a case, in turns."""
    training = {"batch_size": arguments.batch_size, "device": "cpu", "precision": "fp32", "seed": 0}
    config = case_config(case, training, {"data_dir": arguments.data_dir} if arguments.data_dir else {})
    settings = Settings.now()
    # As the general loop does: the popular script computes the generator's gradients in critic steps, too.
    how = {"detached": True} if config.variant == "wgan-gp" else {}
    pair = [plain(case, config, settings, CPU, **how), general(config, settings)]
    before = load_average()
    for each in pair:
        each.calibrate(arguments.seconds)
    for order in turns(2, arguments.blocks):
        for index in order:
            pair[index].block()
    found = ratio(pair[1].rates(), pair[0].rates())
    load = {"before": before, "after": load_average()}
    records = [each.record() for each in pair]
    return {"case": case, "general_over_hand_written": found.as_dict(), "load_average": load, "contenders": records}


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--cases", nargs="+", choices=CASES, default=list(CASES), metavar="CASE", help=", ".join(CASES))
    add("--batch-size", type=whole(1), default=64, metavar="N")
    add("--threads", type=whole(1), default=1, help="CPU threads")
    add("--blocks", type=whole(1), default=10, help="blocks of each loop")
    add("--seconds", type=positive, default=1.0, help="length of a block")
    add("--data-dir", type=Path, help="where MNIST lies; before GANZOO_DATA and the cache folder")
    add("--out", type=Path, default=OUT, help="the record")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Compare; the exit status."""
    arguments = parse(words)
    torch.set_num_threads(arguments.threads)
    record = {
        "format": 1,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": git(),
        "environment": environment(CPU),
        "batch_size": arguments.batch_size,
        "cases": [],
    }
    table = Table("case", "general over hand-written", "95 %", box=None, header_style="bold")
    try:
        for case in arguments.cases:
            record["cases"].append(found := compare(case, arguments))
            replace_json(arguments.out, record)
            figure = found["general_over_hand_written"]
            table.add_row(case, f"{figure['median']:.3f}", f"{figure['low']:.3f} to {figure['high']:.3f}")
    except GanzooError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    Console().print(table)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
