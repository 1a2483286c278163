"""``ganzoo data``: list, describe, preview, verify and download data sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field
from rich.table import Table

from ganzoo.data import DataInfo, DataOptions, Source
from ganzoo.data.catalog import find_source
from ganzoo.data.options import Seed, Stacks
from ganzoo.errors import ConfigError, UnknownNameError
from ganzoo.options import Options
from ganzoo.registry import registry

from .args import parse
from .console import err, print_json
from .console import out as console
from .marks import POSITIONAL, JsonSwitch
from .plugins import warn_of_faults

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")

Side = Annotated[int, Field(ge=4, le=1024)]


class ListOptions(Options):
    """Show the data sets that there are."""

    as_json: JsonSwitch = False
    """Write JSON, with provenance in full."""


class WhichOptions(Options):
    """Which data set, and where it lies."""

    dataset: Annotated[str, POSITIONAL]
    """Name of a data set (see `ganzoo data list`), or folder:PATH for a folder of your own images."""
    data_dir: Path | None = None
    """Where the data lies; before GANZOO_DATA and the user's cache folder."""

    def source(self, **more: Any) -> Source:
        """The source that the options name."""
        return find_source(DataOptions(dataset=self.dataset, data_dir=self.data_dir, **more))


class InfoOptions(WhichOptions):
    """Show the shape, the classes and the sizes of a data set, and where it lies."""

    image_size: Side | None = None
    """As if the images were brought to this side in pixels."""
    channels: Literal[1, 3] | None = None
    """As if the images were brought to grey (1) or colour (3)."""
    stacks: Stacks | None = None
    """As if stacked-mnist had so many training images."""
    as_json: JsonSwitch = False
    """Write JSON."""


class PreviewOptions(WhichOptions):
    """Write a picture of some images with their labels, as a run would see them."""

    split: Literal["train", "test", "all"] = "train"
    """Which images to draw from."""
    image_size: Side | None = None
    """Side in pixels that images are brought to."""
    channels: Literal[1, 3] | None = None
    """1 for grey, 3 for colour; None keeps what the data set has."""
    stacks: Stacks | None = None
    """Stacks among the training images of stacked-mnist; None for 128,000."""
    stacks_seed: Seed | None = None
    """Seed by which the digits of these stacks are drawn; None for the usual draw."""
    n: Annotated[int, Field(ge=1, le=10_000)] = 64
    """How many images."""
    seed: Seed = 0
    """The same seed shows the same images."""
    out: Path = Path("preview.png")
    """The picture to write."""
    download: bool = True
    """Fetch and verify what is in none of the places searched."""


class VerifyOptions(WhichOptions):
    """Prove every file of a data set, and say on what evidence."""


class DownloadOptions(WhichOptions):
    """Fetch and verify what is missing, into --data-dir or the user's cache folder."""


def list_datasets(argv: list[str]) -> int:
    """Run ``ganzoo data list``."""
    options = parse(ListOptions, argv, prog="ganzoo data list")
    found = registry()
    warn_of_faults(found)
    entries = found.datasets().values()
    if options.as_json:
        print_json([{"name": e.spec.name, "summary": e.spec.summary, "origin": e.origin.as_dict()} for e in entries])
        return 0
    table = Table("data set", "summary", "from", box=None, header_style="bold")
    for entry in entries:
        table.add_row(entry.spec.name, entry.spec.summary, str(entry.origin))
    console.print(table)
    return 0


def info(argv: list[str]) -> int:
    """Run ``ganzoo data info``."""
    options = parse(InfoOptions, argv, prog="ganzoo data info")
    source = options.source(**options.model_dump(include={"image_size", "channels", "stacks"}))
    about, place = source.info, source.place()
    if options.as_json:
        print_json({**asdict(about), "sizes": dict(about.sizes), "place": str(place) if place else None})
        return 0
    table = Table(box=None, show_header=False)
    for name, value in _facts(about, place).items():
        table.add_row(name, value)
    console.print(table, markup=False)
    return 0


def preview(argv: list[str]) -> int:
    """Run ``ganzoo data preview``."""
    options = parse(PreviewOptions, argv, prog="ganzoo data preview")
    if options.out.suffix.lower() not in PICTURES:
        raise ConfigError(
            f"--out {options.out}: its ending is that of no picture",
            choices=PICTURES,
            fix="end the name in one of these",
        )
    seen = {"split", "image_size", "channels", "stacks", "stacks_seed", "download"}
    source = options.source(**options.model_dump(include=seen))
    try:
        _write_preview(source, options)
    except OSError as error:
        raise ConfigError(f"cannot write --out {options.out}: {error.strerror or error}") from None
    console.print(str(options.out), markup=False, soft_wrap=True)
    return 0


def verify(argv: list[str]) -> int:
    """Run ``ganzoo data verify``."""
    options = parse(VerifyOptions, argv, prog="ganzoo data verify")
    report = options.source().verify()
    many = len(report.files) > 20
    for file in () if many else report.files:
        console.print(f"{file.path}: {file.size:,} bytes, {_MEANING[file.evidence]}", markup=False, soft_wrap=True)
    proofs = "; ".join(_MEANING[evidence] for evidence in report.evidence)
    console.print(
        f"{report.name}: {len(report.files):,} files, {report.size:,} bytes, {proofs}", markup=False, soft_wrap=True
    )
    return 0


def download(argv: list[str]) -> int:
    """Run ``ganzoo data download``."""
    options = parse(DownloadOptions, argv, prog="ganzoo data download")
    source = options.source()
    wanted = options.data_dir.expanduser() if options.data_dir else source.place()
    if wanted is None or source.place() != wanted:
        source.download()
    report = source.verify()
    console.print(f"{report.name} is in {source.place()}, verified", markup=False, soft_wrap=True)
    return 0


COMMANDS: dict[str, tuple[str, Callable[[list[str]], int]]] = {
    "list": ("show the data sets that there are", list_datasets),
    "info": ("show shape, classes and sizes of one, and where it lies", info),
    "preview": ("write a picture of some of its images with labels", preview),
    "verify": ("prove every file of it", verify),
    "download": ("fetch and verify it", download),
}

_MEANING = {
    "checksum": "equal to the known checksum",
    "record": "equal to the checksum noted when its verified archive was unpacked",
    "archive": "equal to what the verified archive beside it unpacks to",
    "structure": "header and size are right; no checksum of it is published, so a changed pixel would go unseen",
    "decoded": "readable",
}


def main(argv: list[str]) -> int:
    """Run the command that ``argv`` begins with."""
    name, *rest = argv or [""]
    if name in ("", "-h", "--help"):
        (console if name else err).print(_help(), markup=False, soft_wrap=True)
        return 0 if name else 2
    if name not in COMMANDS:
        raise UnknownNameError.of("data command", name, COMMANDS, fix="see ganzoo data --help")
    return COMMANDS[name][1](rest)


def _help() -> str:
    lines = [f"  {name:<8}  {summary}" for name, (summary, _) in COMMANDS.items()]
    return "\n".join(["usage: ganzoo data COMMAND [OPTIONS]", "", *lines, "", "ganzoo data COMMAND --help tells more."])


def _facts(about: DataInfo, place: Path | None) -> dict[str, str]:
    colour = "grey" if about.channels == 1 else "colour"
    return {
        "data set": about.name,
        "images": f"{about.height} x {about.width}, {colour}",
        "splits": ", ".join(f"{split} {size:,}" for split, size in about.sizes),
        "classes": ", ".join(about.classes) or "no labels",
        "place": str(place) if place else "not there yet; `ganzoo data download` fetches it",
    }


def _write_preview(source: Source, options: PreviewOptions) -> None:
    import torch

    from ganzoo.data.convert import normalise
    from ganzoo.data.sampler import EpochOrder
    from ganzoo.report.grid import write_grid

    stream, classes = source.open(options.split), source.info.classes
    order = EpochOrder(len(stream), seed=options.seed, name=options.dataset).permutation(0)
    images, labels = zip(*(stream[int(index)] for index in order[: options.n]), strict=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    captions = [classes[label] for label in labels] if stream.labelled else None
    write_grid(normalise(torch.stack(images)), options.out, labels=captions)
