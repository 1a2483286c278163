"""The arguments of ``ganzoo run``: defaults of variant and backbone, under a file, under flags.

The variant, the backbone and the file decide which flags there are, so they are looked for first, by hand; everything
after that is typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import create_model

from ganzoo.config import (
    BUDGETS,
    RunConfig,
    check_option_names,
    config_class,
    config_file,
    find_specs,
    make_config,
    read_config,
    with_budget,
)
from ganzoo.errors import ConfigError
from ganzoo.options import Options
from ganzoo.registry import registry

from .args import parse
from .marks import FLAT, HIDDEN, Mark, Switch


class SessionArguments(Options):
    """What concerns this session alone and is no part of the config."""

    config: Path | None = None
    """A TOML file (see --print-config); flags override its values."""
    resume: Path | None = None
    """Go on with the run in this folder; its length, intervals, execution, evaluations and data folder may change."""
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
    observers: Annotated[str | None, Mark(metavar="NAME[,NAME]")] = None
    """Observers of plugins that are to watch the run (see ganzoo plugins), joined by commas."""
    tensorboard: Switch = False
    """Also write TensorBoard files into the run folder (pip install "ganzoo[tensorboard]")."""


def read_arguments(argv: Sequence[str]) -> tuple[RunConfig, SessionArguments] | None:
    """The config and what concerns this session, from the words after ``ganzoo run``.

    None if the words name no variant, no file and no run, so that there is nothing to read them by.

    Raises:
        ConfigError, UnknownNameError: a word, a key or a value that does not fit.
        CheckpointError: --resume names no run.
        ContractError: an option of the variant is called like one of every run.
        SystemExit: help was printed (0), or a value is missing or of another type (2).
    """
    variant = argv[0] if argv and not argv[0].startswith("-") else None
    words = list(argv[1:] if variant else argv)
    resumed, file = _value(words, "--resume"), _value(words, "--config")
    if variant is None and not resumed and not file:
        return None
    if resumed and file:
        raise ConfigError("--resume and --config were given together", fix="a resumed run has its config already")
    if resumed:
        _refuse_place(words)
    path = config_file(Path(resumed)) if resumed else Path(file) if file else None
    below = _config_below(_raw(variant, words, path), words, source=str(path) if path else None)
    spec, net = find_specs(below.variant, below.backbone)
    check_option_names(registry().variant(below.variant))
    cls = arguments_class(below)
    default = cls(**{name: getattr(below, name) for name in RunConfig.model_fields})
    arguments = parse(cls, words, prog=f"ganzoo run {below.variant}", description=spec.summary, default=default)
    own = {name: getattr(arguments, name) for name in RunConfig.model_fields}
    return with_budget(config_class(spec, net)(**own), spec), arguments


def arguments_class(config: RunConfig) -> type[Any]:
    """The config's own classes as flags, and what concerns this session alone."""
    spec, net = find_specs(config.variant, config.backbone)
    base = config_class(spec, net)
    flat = {name: Annotated[base.model_fields[name].annotation, FLAT] for name in ("data", "training", "options")}
    fields: dict[str, Any] = {
        "variant": (Annotated[str, HIDDEN], config.variant),
        "data": (flat["data"], config.data),
        "training": (flat["training"], config.training),
        "options": (flat["options"], config.options),
    }
    return create_model("RunArguments", __base__=(base, SessionArguments), **fields)


def _refuse_place(words: Sequence[str]) -> None:
    for flag in ("--out", "--name"):
        if _value(words, flag) is not None:
            raise ConfigError(
                f"--resume and {flag} were given together", fix="leave it out: a resumed run stays in its folder"
            )


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


def _config_below(raw: dict[str, Any], words: Sequence[str], *, source: str | None) -> RunConfig:
    """The config over which the flags are laid; a budget among the flags replaces the one in the file."""
    if not any(word.partition("=")[0] == f"--{name}" for word in words for name in BUDGETS):
        return make_config(raw, source=source)
    training = raw.get("training")
    if isinstance(training, dict):
        raw = {**raw, "training": {key: value for key, value in training.items() if key not in BUDGETS}}
    below = make_config(raw, source=source)
    return below.model_copy(update={"training": below.training.model_copy(update=dict.fromkeys(BUDGETS))})


def _value(words: Sequence[str], flag: str) -> str | None:
    """The value of ``flag`` among unparsed words, written ``--flag value`` or ``--flag=value``; the last one counts."""
    found = None
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name == flag:
            found = value if equals else words[index + 1] if index + 1 < len(words) else None
    return found
