"""``ganzoo run``: train a variant.

The variant, the backbone and the files decide which options there are, so they are read first and by hand; everything
after that is typed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from pydantic import create_model

from ganzoo.config import BUDGETS, RunConfig, config_class, find_specs, make_config, read_config, with_budget
from ganzoo.errors import ConfigError
from ganzoo.options import Options
from ganzoo.registry import registry

from .args import FLAT, parse
from .console import err, out
from .plugins import warn_of_faults

if TYPE_CHECKING:
    from ganzoo.api import Run
    from ganzoo.training.observers import Observer

_RESUMABLE = ("steps", "epochs", "images", "minutes", "device", "threads", "log_every", "sample_every", "save_every")

Switch = Annotated[bool, tyro.conf.FlagCreatePairsOff]

USAGE = """\
usage: ganzoo run VARIANT [--dataset NAME] [OPTIONS]
       ganzoo run [VARIANT] --config FILE.toml [OPTIONS]
       ganzoo run --resume RUN [OPTIONS]

Train a variant on a data set. `ganzoo run VARIANT --help` shows all options of a variant, `ganzoo list` the variants.
"""


def main(argv: list[str]) -> int:
    """Train, and return 0, or 130 or 143 after a signal."""
    variant = argv[0] if argv and not argv[0].startswith("-") else None
    words = argv[1:] if variant else argv
    resumed, file = _value(words, "--resume"), _value(words, "--config")
    if variant is None and not resumed and not file:
        wants_help = "-h" in words or "--help" in words
        print(USAGE, end="", file=sys.stdout if wants_help else sys.stderr)
        return 0 if wants_help else 2
    if resumed and file:
        raise ConfigError("--resume and --config were given together", fix="a resumed run has its config already")
    raw = _raw(variant, words, Path(resumed) / "config.toml" if resumed else Path(file) if file else None)
    warn_of_faults(registry())
    arguments = _parse(raw, words)
    spec, net = find_specs(arguments.variant, arguments.backbone)
    cls = config_class(spec, net)
    config = with_budget(cls(**{name: getattr(arguments, name) for name in RunConfig.model_fields}), spec)
    if arguments.print_config:
        print(config.to_toml(), end="")
        return 0
    if resumed:
        _check_resumable(make_config(raw), config)
    return _train(config, arguments, Path(resumed) if resumed else None, ["ganzoo", "run", *argv])


def _train(config: RunConfig, arguments: Any, resumed: Path | None, command: list[str]) -> int:
    if arguments.dry_run:
        return _dry_run(config)
    from ganzoo import api

    observers = _observers(quiet=arguments.quiet, tensorboard=arguments.tensorboard)
    if resumed:
        run = api.resume(resumed, config, observers=observers, command=command)
    else:
        run = api.start(config, out=arguments.out, name=arguments.name, observers=observers, command=command)
    _report(run, quiet=arguments.quiet)
    return run.exit_code


def _raw(variant: str | None, words: Sequence[str], file: Path | None) -> dict[str, Any]:
    """The nested plain values that the file holds, with the variant and the backbone of the command line."""
    raw = read_config(file) if file else {}
    if variant and file and raw.get("variant", variant) != variant:
        raise ConfigError(
            f"{file} is a config of variant {raw['variant']!r}, and the command line names {variant!r}",
            fix="leave the name out, or take another file",
        )
    if variant:
        raw["variant"] = variant
    if backbone := _value(words, "--backbone"):
        if raw.get("backbone", backbone) != backbone:
            raw.pop("net", None)  # options of other networks
        raw["backbone"] = backbone
    return raw


def _parse(raw: dict[str, Any], words: list[str]) -> Any:
    """Lay the flags over the values of the file; a budget on the command line replaces the file's."""
    if any(word.partition("=")[0] == f"--{name}" for word in words for name in BUDGETS):
        training = raw.get("training")
        if isinstance(training, dict):
            raw = {**raw, "training": {key: value for key, value in training.items() if key not in BUDGETS}}
        below = make_config(raw)
        below = below.model_copy(update={"training": below.training.model_copy(update=dict.fromkeys(BUDGETS))})
    else:
        below = make_config(raw)
    cls = _arguments_class(below)
    default = cls(**{name: getattr(below, name) for name in RunConfig.model_fields})
    prog = f"ganzoo run {below.variant}"
    return parse(cls, words, prog=prog, description=registry().variant(below.variant).spec.summary, default=default)


def _arguments_class(config: RunConfig) -> type[Any]:
    """The config's own classes as flags, and what concerns this session alone."""
    spec, net = find_specs(config.variant, config.backbone)
    base = config_class(spec, net)
    flat = {name: Annotated[base.model_fields[name].annotation, FLAT] for name in ("data", "training", "options")}
    fields: dict[str, Any] = {
        "variant": (Annotated[str, tyro.conf.Suppress], config.variant),
        "data": (flat["data"], config.data),
        "training": (flat["training"], config.training),
        "options": (flat["options"], config.options),
    }
    return create_model("RunArguments", __base__=(base, _SessionArguments), **fields)


class _SessionArguments(Options):
    """What concerns this session alone and is no part of the config."""

    config: Path | None = None
    """A TOML file (see --print-config); flags override its values."""
    resume: Path | None = None
    """Go on with the run in this folder; only its budget, intervals, device and threads may change."""
    out: Path = Path("runs")
    """The folder that holds runs."""
    name: str | None = None
    """Name of the run's folder; VARIANT-DATASET-NUMBER if it is not given."""
    print_config: Switch = False
    """Print the resolved config as TOML and stop."""
    dry_run: Switch = False
    """Build and check everything, tell what would be trained, write nothing."""
    quiet: Switch = False
    """Print nothing but warnings and errors."""
    tensorboard: Switch = False
    """Also write TensorBoard files into the run folder (pip install "ganzoo[tensorboard]")."""


def _value(words: Sequence[str], flag: str) -> str | None:
    """The value of ``flag`` among unparsed words, written ``--flag value`` or ``--flag=value``; the last one counts."""
    found = None
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name == flag:
            found = value if equals else words[index + 1] if index + 1 < len(words) else None
    return found


def _check_resumable(before: RunConfig, now: RunConfig) -> None:
    """Refuse to change what the weights depend on in the middle of a run."""
    was, is_ = _flat(before.to_dict()), _flat(now.to_dict())
    for key in sorted(was.keys() | is_.keys()):
        section, _, name = key.partition(".")
        if was.get(key) != is_.get(key) and not (section == "training" and name in _RESUMABLE):
            raise ConfigError(
                f"a resumed run cannot change {key} (it was {was.get(key)!r}, now {is_.get(key)!r})",
                choices=_RESUMABLE,
                fix="leave the option out, or start a new run",
            )


def _flat(values: dict[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: value}
    return flat


def _observers(*, quiet: bool, tensorboard: bool) -> list[Observer]:
    from ganzoo.training.observers.console import LiveView, PlainLines

    observers: list[Observer] = []
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
        out.print(f"device    {session.device}, {config.training.precision}, engine {session.engine.tier}")
        for player in session.engine.players.values():
            out.print(f"player    {player.name}: {sum(p.numel() for p in player.params):,} parameters")
        out.print(f"rounds    {session.engine.game.rounds(0)}")
        out.print(f"budget    {amount:,g} {name}, batch {config.training.batch_size}")
    return 0


def _report(run: Run, *, quiet: bool) -> None:
    if quiet:
        return
    if run.exit_code:
        err.print(f"stopped and saved; go on with: ganzoo run --resume {run.path}", markup=False, soft_wrap=True)
    out.print(f"{run.path}/samples.png", markup=False, soft_wrap=True)
