"""``ganzoo eval``: judge samples against real images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from rich.table import Table
from rich.text import Text

from ganzoo.data import DataOptions
from ganzoo.errors import UnknownNameError
from ganzoo.metrics.options import split_names
from ganzoo.metrics.plan import find_metrics, split_name
from ganzoo.options import Device, Options, Threads
from ganzoo.registry import registry

from .args import parse
from .console import out, print_json, telling, warn
from .marks import POSITIONAL, JsonSwitch, Mark, Switch

if TYPE_CHECKING:
    from ganzoo.metrics.results import Evaluation, Score


class EvalOptions(Options):
    """Judge samples: a run, a folder of images, a .npz or .npy file, or a split of a data set such as mnist:train."""

    source: Annotated[str, POSITIONAL, Mark(metavar="SOURCE")]
    """A run folder, a folder of images, a .npz or .npy file, or DATASET:SPLIT."""
    against: str | None = None
    """Real images: DATASET, DATASET:SPLIT or folder:PATH; a run's own test split (or what it has) if not given."""
    metrics: str | None = None
    """Metrics or figures, joined by commas (see ganzoo list --metrics); all if it is not given."""
    features: str | None = None
    """The feature extractor (see ganzoo list --extractors); the data set's own if it is not given."""
    n: Annotated[int, Field(ge=2, le=10_000_000)] | None = None
    """Samples in each repeat, 10,000 (stacked-mnist: 26,000) if it is not given; figures compare at one number only."""
    repeats: Annotated[int, Field(ge=1, le=1000)] | None = None
    """How often samples are drawn, for the error bars; 3, or as often as there are images, if it is not given."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """The same seed gives the same figures."""
    resize: Switch = False
    """Convert images whose shape is not that of the real images (or of an extractor named here) instead of refusing."""
    device: Device = "auto"
    """Where generator and extractor run."""
    threads: Threads = "auto"
    """CPU threads of a tensor operation; auto leaves torch's choice."""
    data_dir: Path | None = None
    """Where the real images lie; before GANZOO_DATA and the user's cache folder."""
    download: bool = True
    """Fetch and verify real images that are in none of the places searched."""
    as_json: JsonSwitch = False
    """Write JSON, with every value of every repeat."""
    quiet: Switch = False
    """Do not tell what is being done."""


def main(argv: list[str]) -> int:
    """Judge, and print a table."""
    options = parse(EvalOptions, argv, prog="ganzoo eval")
    metrics = split_names(options.metrics, "--metrics") if options.metrics is not None else []
    _check_names(options, metrics)
    import torch

    from ganzoo.api import evaluate

    if options.threads != "auto":
        torch.set_num_threads(options.threads)
    with telling(quiet=options.quiet) as say:
        found = evaluate(
            options.source,
            options.against,
            metrics=metrics,
            features=options.features,
            n=options.n,
            repeats=options.repeats,
            seed=options.seed,
            resize=options.resize,
            device=options.device,
            data=DataOptions(data_dir=options.data_dir, download=options.download),
            say=say,
        )
    if options.as_json:
        print_json(found.as_dict())
        return 0
    _print(found)
    return 0


def _check_names(options: EvalOptions, metrics: list[str]) -> None:
    """Refuse an unknown name before anything slow begins."""
    find_metrics(metrics)
    if options.features is not None:
        registry().extractor(options.features)
    if options.against is not None and not options.against.startswith("folder:"):
        _check_dataset(split_name(options.against)[0])


def _check_dataset(name: str) -> None:
    try:
        registry().dataset(name)
    except UnknownNameError as error:
        if Path(name).suffix.lower() in (".npy", ".npz"):
            fix = "real images are a data set, or folder:PATH; an array file can be the SOURCE"
            raise UnknownNameError(f"--against {name}: an array file", choices=error.choices, fix=fix) from None
        if not name or not Path(name).is_dir():
            raise
        fix = f"for the images in that folder, write --against folder:{name}"
        raise UnknownNameError(error.problem, choices=error.choices, fix=fix) from None


def _print(found: Evaluation) -> None:
    out.print(f"{found.source} against {found.against} ({found.real:,} images)", markup=False, soft_wrap=True)
    out.print(
        f"{found.n:,} samples x {found.repeats}, seed {found.seed}, features {found.extractor} {found.digest[:12]}, "
        f"{found.device}, {found.seconds:.0f} s",
        markup=False,
        soft_wrap=True,
    )
    table = Table("figure", box=None, header_style="bold")
    for title in ("value", "+-", "floor", "better"):
        table.add_column(title, justify="right" if title != "better" else "left")
    table.add_column("meaning", style="dim", overflow="fold")
    for name, score in found.scores.items():
        table.add_row(Text(name), *_row(score), score.figure.better or "", Text(score.figure.summary))
    out.print(table)
    if 0 < len(found.shares) <= 20:
        out.print("shares    " + " ".join(f"{share:.1%}" for share in found.shares), markup=False, soft_wrap=True)
    for note in (*_meaning(found), *_floor(found), *found.notes):
        out.print(f"note: {note}", markup=False, soft_wrap=True, style="dim")
    for warning in found.warnings:
        warn(warning)


def _meaning(found: Evaluation) -> list[str]:
    if found.repeats > 1:
        return [f"+- is the standard deviation over {found.repeats} sets of samples"]
    if any(score.error is not None for score in found.scores.values()):
        return ["+- is the metric's own standard error, where it has one; one set of samples gives no other"]
    return ["one set of samples gives no +-"]


def _floor(found: Evaluation) -> list[str]:
    return [f"the floor is that of {found.floor_from}"] if found.floor_from else []


def _row(score: Score) -> tuple[str, str, str]:
    spread = score.std if score.std is not None else score.error
    floor = sum(score.floor) / len(score.floor) if score.floor else None
    return _number(score.mean), _number(spread), _number(floor)


def _number(value: float | None) -> str:
    """Four figures, without an exponent where that reads well."""
    if value is None:
        return "-"
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:.2e}"
