"""Train every variant of a suite, judge it, and write the figures: `python benchmarks/quality.py`.

A suite is a file in benchmarks/suites/: what all runs share, the variants, the seeds. Runs lie in one folder, a few are
trained at a time, and one that is there already is gone on with or left alone, so an interrupted suite goes on where it
stopped. The results are written to benchmarks/results/NAME.json after each run; `python benchmarks/quality_page.py`
draws the tables and pictures of docs/results.md from them.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

from ganzoo.assembly import build_game
from ganzoo.config import RunConfig, make_config, overlay, read_config
from ganzoo.data.catalog import find_source
from ganzoo.errors import ConfigError, GanzooError

ROOT = Path(__file__).parents[1]
SUITE = ROOT / "benchmarks" / "suites" / "quality-cpu.toml"
RESULTS = ROOT / "benchmarks" / "results"

HOW = ("engine", "threads", "allocator")
"""Options of training that say how a run is executed, which is found out when it starts."""


class Suite:
    """A suite file, and where its runs and results lie.

    Args:
        path: the file.
        runs: the folder that holds the runs.
    """

    def __init__(self, path: Path, runs: Path) -> None:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        self.settings = raw["suite"]
        self.common, self.variants = raw["common"], raw["variants"]
        self.name: str = self.settings["name"]
        self.runs = runs / self.name
        self.result = RESULTS / f"{self.name}.json"

    def jobs(self) -> list[tuple[str, int]]:
        """Variant and seed of each run, seed by seed, so that an early stop leaves whole rows."""
        return [(variant, seed) for seed in self.settings["seeds"] for variant in self.variants]

    def folder(self, variant: str, seed: int) -> Path:
        """Where the run lies."""
        return self.runs / f"{variant}-{seed}"

    def config(self, variant: str, seed: int) -> RunConfig:
        """The resolved config of a run, with the interval that gives the wanted number of evaluations."""
        raw = overlay(self.common, self.variants[variant])
        raw = overlay(raw, {"variant": variant, "training": {"seed": seed}})
        config = make_config(raw)
        rounds = len(build_game(config, find_source(config.data).info).rounds(0))
        name, images = config.training.budget
        if name != "images":
            raise ConfigError(f"{self.name}: the budget must be given in images, not in {name}")
        iterations = math.ceil(images / (config.training.batch_size * rounds))
        raw["training"]["eval_every"] = math.ceil(iterations / self.settings["evaluations"])
        return make_config(raw)


def train(suite: Suite, variant: str, seed: int) -> Path:
    """Train a run, or go on with it; nothing is done for one that is finished."""
    path = suite.folder(variant, seed)
    config, facts = suite.config(variant, seed), path / "run.json"
    if (path / "config.toml").is_file() and computed(read_config(path / "config.toml")) != computed(config.to_dict()):
        raise ConfigError(f"{path} was trained with other settings than the suite asks for now", fix="move it away")
    if facts.is_file() and json.loads(facts.read_text())["sessions"][-1]["status"] == "finished":
        return path
    if any((path / "checkpoints").glob("step-*[0-9]")):
        words = ["--resume", str(path)]
    else:
        shutil.rmtree(path, ignore_errors=True)  # it was interrupted before its first checkpoint
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.with_suffix(".toml")
        file.write_text(config.to_toml(), encoding="utf-8")
        words = ["--config", str(file), "--out", str(path.parent), "--name", path.name]
    subprocess.run([sys.executable, "-m", "ganzoo", "run", *words, "--quiet"], check=True)
    return path


def computed(raw: dict[str, Any]) -> dict[str, Any]:
    """What a config computes: later options at their defaults, and without how it is executed."""
    values = make_config(raw).to_dict()
    values["training"] = {name: value for name, value in values["training"].items() if name not in HOW}
    return values


def judge(suite: Suite, path: Path) -> dict[str, Any]:
    """The figures of a finished run, by `ganzoo eval`; kept beside it."""
    kept = path / "evaluation.json"
    if not kept.is_file():
        words = ["eval", str(path), "--metrics", suite.settings["metrics"], "--repeats", "1", "--threads", "1"]
        done = subprocess.run(
            [sys.executable, "-m", "ganzoo", *words, "--json", "--quiet"], check=True, capture_output=True, text=True
        )
        kept.write_text(done.stdout, encoding="utf-8")
    return json.loads(kept.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def record(variant: str, seed: int, path: Path, evaluation: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a run: everything that its figures depend on, and the figures."""
    facts = json.loads((path / "run.json").read_text(encoding="utf-8"))
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    curve = [line for line in lines if "eval/seconds" in line]
    sessions = facts["sessions"]
    return {
        "variant": variant,
        "seed": seed,
        "config": tomllib.loads((path / "config.toml").read_text(encoding="utf-8")),
        "origins": facts["origins"],
        "engine": facts["engine"],
        "images": sessions[-1]["images"],
        "iterations": sessions[-1]["to_step"],
        "training_seconds": curve[-1]["seconds"],
        "cpu_seconds": round(sum(session["cpu_seconds"] for session in sessions), 1),
        "sessions": len(sessions),
        "peak_memory_bytes": max(session["peak_memory_bytes"] for session in sessions),
        "environment": sessions[-1]["environment"],
        "best": sessions[-1]["evaluation"]["best"],
        "curve": [_point(line) for line in curve],
        "evaluation": evaluation,
    }


def _point(line: dict[str, float]) -> dict[str, float]:
    """A line of the log about an evaluation, without the prefix of its figures."""
    figures = {name.removeprefix("eval/"): value for name, value in line.items() if name.startswith("eval/")}
    when = {name: line[name] for name in ("step", "images", "seconds")}
    return {**when, "evaluation_seconds": figures.pop("seconds"), **figures}


def run(suite: Suite, workers: int) -> int:
    """Train and judge all of it; the number of runs that failed."""
    records: dict[tuple[str, int], dict[str, Any]] = {}
    failed: list[str] = []
    lock = Lock()

    def one(job: tuple[str, int]) -> None:
        try:
            path = train(suite, *job)
            found = record(*job, path, judge(suite, path))
        except (subprocess.CalledProcessError, GanzooError) as error:
            failed.append(f"{job[0]}-{job[1]}: {error}")
            print(f"{failed[-1]}\n{getattr(error, 'stderr', None) or ''}", file=sys.stderr, flush=True)
            return
        with lock:
            records[job] = found
            write(suite, [records[each] for each in suite.jobs() if each in records])
        figures = found["evaluation"]["figures"]
        told = "  ".join(f"{name} {figures[name]['mean']:.4g}" for name in ("fid", "confident", "least", "most"))
        print(f"{job[0]}-{job[1]}  {found['training_seconds']:.0f} s  {told}", flush=True)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, suite.jobs()))
    return len(failed)


def write(suite: Suite, records: list[dict[str, Any]]) -> None:
    """The results so far."""
    result = {
        "format": 1,
        "suite": suite.settings,
        "common": suite.common,
        "variants": suite.variants,
        "runs": records,
    }
    suite.result.parent.mkdir(parents=True, exist_ok=True)
    suite.result.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Run a suite, or render what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", type=Path, nargs="?", default=SUITE)
    parser.add_argument("--workers", type=int, default=2, help="runs that are trained at a time, a thread each")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="the folder that holds the runs")
    arguments = parser.parse_args()
    raise SystemExit(1 if run(Suite(arguments.suite, arguments.runs), arguments.workers) else 0)


if __name__ == "__main__":
    main()
