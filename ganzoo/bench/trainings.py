"""Whole trainings, judged: each in processes of its own, by the commands that people use. Free of torch.

A training that is there already is gone on with or left alone, so an interrupted suite goes on where it stopped.
"""

from __future__ import annotations

import base64
import json
import math
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganzoo.assembly import build_game
from ganzoo.config import RunConfig, make_config, read_config
from ganzoo.data.catalog import find_source
from ganzoo.errors import ConfigError

from . import machine
from .job import Job
from .process import ContenderError, Process
from .result import Training
from .suite import Suite

HOW = ("engine", "threads", "allocator", "device")
"""Options of training that say how a run is executed, which is found out when it starts."""

_NEVER = 1_000_000


def train(suite: Suite, variant: str, seed: int, device: str, runs: Path, *, together: int = 1) -> Training:
    """Train and judge, or go on with what is in ``runs``.

    Args:
        suite: what is asked for.
        variant: the variant.
        seed: its seed.
        device: where.
        runs: the folder of the run folders.
        together: trainings that share the machine, this one included.

    Raises:
        GanzooError: the training or its evaluation failed, or the folder holds one of other settings.
    """
    path = runs / f"{variant.replace(':', '-')}-{seed}"
    commit = machine.git()
    config = training_config(suite, variant, seed, device, _interval_of_others(suite, variant, runs))
    _train(config, path)
    assert suite.quality is not None
    made = record(config.variant, seed, path, _judge(path, suite.quality.metrics, config))
    return made.model_copy(update={"together": together, "git": commit})


def training_config(suite: Suite, variant: str, seed: int, device: str, every: int | None = None) -> RunConfig:
    """The config of a training, with the interval that gives the wanted number of evaluations.

    Args:
        suite: what is asked for.
        variant: the variant.
        seed: its seed.
        device: where.
        every: the interval, where another seed has one already, so that both are judged at the same images.
    """
    quality = suite.quality
    assert quality is not None
    budget = {"images": quality.images} if quality.images else {"minutes": quality.minutes}
    training = {"seed": seed, "device": device, "eval_metrics": quality.curve, "sample_every": _NEVER, **budget}
    raw = suite.raw_config(variant, training)
    raw["training"]["eval_every"] = every or max(1, math.ceil(_iterations(make_config(raw)) / quality.evaluations))
    return make_config(raw)


def _interval_of_others(suite: Suite, variant: str, runs: Path) -> int | None:
    """The interval of a seed that was begun already; only a budget of time needs it, whose trial differs each time."""
    if suite.quality is None or suite.quality.minutes is None:
        return None
    for file in sorted(runs.glob(f"{variant.replace(':', '-')}-[0-9]*.toml")):
        return int(read_config(file)["training"]["eval_every"])
    return None


def computed(raw: dict[str, Any]) -> dict[str, Any]:
    """What a config computes: later options at their defaults, and without how it is executed."""
    values = make_config(raw).to_dict()
    left_out = HOW if values["training"].get("minutes") is None else (*HOW, "eval_every")  # measured, hence not exact
    values["training"] = {name: value for name, value in values["training"].items() if name not in left_out}
    return values


def record(variant: str, seed: int, path: Path, evaluation: dict[str, Any]) -> Training:
    """What is kept of the run in ``path``: everything that its figures depend on, and the figures."""
    facts = json.loads((path / "run.json").read_text(encoding="utf-8"))
    lines = [_finite(line, path.name) for line in (path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    curve = [line for line in lines if "eval/seconds" in line]
    if not curve:
        raise ContenderError(f"{path.name}: it was never judged while it trained", fix=f"delete {path}, and try again")
    sessions, picture = facts["sessions"], path / "samples.png"
    spent = [session["cpu_seconds"] for session in sessions if "cpu_seconds" in session]  # a killed one has none
    starts = [session["startup_seconds"] for session in sessions if "startup_seconds" in session]
    return Training.model_validate(
        {
            "variant": variant,
            "seed": seed,
            "config": tomllib.loads((path / "config.toml").read_text(encoding="utf-8")),
            "origins": facts["origins"],
            "engine": facts["engine"],
            "images": sessions[-1]["images"],
            "iterations": sessions[-1]["to_step"],
            "startup_seconds": round(sum(starts), 3) if len(starts) == len(sessions) else None,
            "training_seconds": curve[-1]["seconds"],
            "cpu_seconds": round(sum(spent), 1) if len(spent) == len(sessions) else None,
            "sessions": len(sessions),
            "peak_memory_bytes": max(session.get("peak_memory_bytes") or 0 for session in sessions) or None,
            "environment": sessions[-1]["environment"],
            "best": sessions[-1]["evaluation"]["best"],
            "curve": [_point(line) for line in curve],
            "evaluation": evaluation,
            "samples_png": base64.b64encode(picture.read_bytes()).decode() if picture.is_file() else None,
        }
    )


def _iterations(config: RunConfig) -> float:
    """About how many the budget is; for a time, as many as a short trial says."""
    name, amount = config.training.budget
    if name == "images":
        rounds = len(build_game(config, find_source(config.data).info).rounds(0))
        return amount / (config.training.batch_size * config.training.accumulate * rounds)
    job = Job(kind="ganzoo", config=config.to_dict(), seconds=1.0)
    with Process(job) as trial:
        trial.start()
        found = trial.warm_up()["warm_up"]
        return float(60 * amount * found["iterations"] / found["seconds"])


def _train(config: RunConfig, path: Path) -> None:
    file, facts = path / "config.toml", path / "run.json"
    if file.is_file() and computed(read_config(file)) != computed(config.to_dict()):
        problem = f"{path} was trained with other settings than the suite asks for now"
        raise ConfigError(problem, fix="move it away, or choose another --out")
    if facts.is_file() and json.loads(facts.read_text(encoding="utf-8"))["sessions"][-1]["status"] == "finished":
        return
    if any((path / "checkpoints").glob("step-*[0-9]")):
        words = ["--resume", str(path)]
    else:
        shutil.rmtree(path, ignore_errors=True)  # it was interrupted before its first checkpoint
        path.parent.mkdir(parents=True, exist_ok=True)
        asked = path.with_suffix(".toml")
        asked.write_text(config.to_toml(), encoding="utf-8")
        words = ["--config", str(asked), "--out", str(path.parent), "--name", path.name]
    _ganzoo(["run", *words, "--quiet"], f"training {path.name}")


def _judge(path: Path, metrics: str, config: RunConfig) -> dict[str, Any]:
    """The figures of a finished run, by ``ganzoo eval``; kept beside it, under the metrics that were asked for."""
    kept = path / "evaluation.json"
    if kept.is_file():
        found = json.loads(kept.read_text(encoding="utf-8"))
        if found.get("asked", metrics) == metrics:
            return {name: value for name, value in found.items() if name != "asked"}
    words = ["eval", str(path), "--metrics", metrics, "--repeats", "1", "--resize"]
    words += ["--device", config.training.device, "--threads", str(config.training.threads)]
    found = _finite(_ganzoo([*words, "--json", "--quiet"], f"judging {path.name}"), f"judging {path.name}")
    found["source"] = path.name  # where it lay is nobody's business, and on the next machine wrong
    kept.write_text(json.dumps({**found, "asked": metrics}), encoding="utf-8")
    return found  # type: ignore[no-any-return]


def _finite(text: str, what: str) -> Any:
    """The value of ``text``, JSON that a result can hold.

    Raises:
        ContenderError: there is a NaN or an infinity in it.
    """

    def refuse(constant: str) -> None:
        raise ContenderError(f"{what}: a figure is {constant}")

    return json.loads(text, parse_constant=refuse)


def _ganzoo(words: Sequence[str], what: str) -> str:
    """The output of a command.

    Raises:
        ContenderError: it failed; the message is its own.
        KeyboardInterrupt: it was interrupted, and so is this.
    """
    done = subprocess.run([sys.executable, "-m", "ganzoo", *words], capture_output=True, text=True)
    if done.returncode in (130, 143):
        raise KeyboardInterrupt
    if done.returncode:
        told = done.stderr.strip().removeprefix("error: ") or f"status {done.returncode}"
        lines = told.splitlines()
        raise ContenderError(f"{what}: {lines[-1] if told.startswith('Traceback') else told}")
    return done.stdout


def _point(line: dict[str, float]) -> dict[str, float]:
    """A line of the log about an evaluation, without the prefix of its figures."""
    figures = {name.removeprefix("eval/"): value for name, value in line.items() if name.startswith("eval/")}
    when = {name: line[name] for name in ("step", "images", "seconds")}
    return {**when, "evaluation_seconds": figures.pop("seconds"), **figures}
