"""``ganzoo run``: train a variant."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ganzoo.config import RunConfig, check_evaluations
from ganzoo.errors import ConfigError
from ganzoo.registry import registry

from .console import err, out
from .plugins import warn_of_faults
from .run_arguments import SessionArguments, read_arguments

if TYPE_CHECKING:
    from ganzoo.api import Run
    from ganzoo.training.observers import Observer

USAGE = """\
usage: ganzoo run VARIANT [--dataset NAME] [OPTIONS]
       ganzoo run [VARIANT] --config FILE.toml [OPTIONS]
       ganzoo run --resume RUN [OPTIONS]

Train a variant on a data set. `ganzoo run VARIANT --help` shows all options of a variant, `ganzoo list` the variants.
"""


def main(argv: list[str]) -> int:
    """Train, and return 0, or 130 or 143 after a signal."""
    read = read_arguments(argv)
    if read is None:
        wants_help = "-h" in argv or "--help" in argv
        late = next((word for word in argv if word in registry().variants()), None)
        if late and not wants_help:
            raise ConfigError(
                f"the variant comes first, and {late!r} stands behind options", fix=f"ganzoo run {late} ..."
            )
        print(USAGE, end="", file=sys.stdout if wants_help else sys.stderr)
        return 0 if wants_help else 2
    warn_of_faults(registry())
    config, arguments = read
    check_evaluations(config)  # a wrong name is told before torch is imported
    names = [] if arguments.observers is None else [name.strip() for name in arguments.observers.split(",")]
    for name in names:
        registry().observer(name)  # likewise
    if arguments.print_config:
        print(config.to_toml(), end="")
        return 0
    command = ["ganzoo", "run", *argv]
    return _dry_run(config) if arguments.dry_run else _train(config, arguments, names, command)


def _train(config: RunConfig, arguments: SessionArguments, names: list[str], command: list[str]) -> int:
    from ganzoo import api

    observers = _observers(names, quiet=arguments.quiet, tensorboard=arguments.tensorboard)
    if arguments.resume:
        run = api.resume(arguments.resume, config, observers=observers, command=command)
    else:
        run = api.start(config, out=arguments.out, name=arguments.name, observers=observers, command=command)
    _report(run, quiet=arguments.quiet)
    return run.exit_code


def _observers(names: list[str], *, quiet: bool, tensorboard: bool) -> list[Observer]:
    from ganzoo.training.observers import make_observers
    from ganzoo.training.observers.console import LiveView, PlainLines

    observers: list[Observer] = make_observers(names)
    if not quiet:
        observers.append(LiveView(err) if err.is_terminal else PlainLines(err))
    if tensorboard:
        from ganzoo.training.observers.tensorboard import TensorBoard

        observers.append(TensorBoard())
    return observers


def _dry_run(config: RunConfig) -> int:
    from ganzoo.training.session import Session

    session = Session(config)
    with session.batcher as batcher:
        name, amount = config.training.budget
        out.print(f"variant   {config.variant}" + (f" on {config.backbone}" if config.backbone else ""))
        out.print(f"data      {config.data.dataset}: {batcher.size:,} images of {batcher.info.shape} (C, H, W)")
        out.print(f"device    {session.device}, {session.engine.precision}, engine {config.training.engine}")
        for player in session.engine.players.values():
            out.print(f"player    {player.name}: {sum(p.numel() for p in player.params):,} parameters")
        out.print(f"rounds    {session.engine.game.rounds(0)}")
        out.print(f"budget    {amount:,g} {name}, batch {config.training.batch_size}")
        if judged := session.evaluator:
            metrics = ", ".join(entry.spec.name for entry in judged.judge.metrics)
            out.print(f"evaluate  {metrics} against {judged.judge.plan.against}, best by {judged.figure.name}")
    return 0


def _report(run: Run, *, quiet: bool) -> None:
    if quiet:
        return
    if run.exit_code:
        err.print(f"stopped and saved; go on with: ganzoo run --resume {run.path}", markup=False, soft_wrap=True)
    if (best := run.path / "best").is_dir():
        err.print(f"the best snapshot is in {best}", markup=False, soft_wrap=True)
    out.print(f"{run.path}/samples.png", markup=False, soft_wrap=True)
