"""``ganzoo sample``: draw images from a trained run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ganzoo.errors import ConfigError
from ganzoo.options import Count, Device, Options

from .args import parse
from .console import out as console
from .marks import POSITIONAL

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.api import Run

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


class SampleOptions(Options):
    """Draw images from a trained run."""

    run: Annotated[Path, POSITIONAL]
    """A run folder, or a generator folder that was taken out of one."""
    n: Annotated[int, Field(ge=1, le=10_000_000)] = 64
    """How many images."""
    out: Path = Path("samples.png")
    """A picture (a grid), a .npz or .npy file (uint8 images, and labels), or a folder (a PNG for each image)."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """The same seed gives the same images."""
    label: Annotated[int, Field(ge=0)] | None = None
    """The class to draw, for a conditional generator; all in turn if it is not given."""
    step: Annotated[int, Field(ge=0)] | None = None
    """The checkpoint to draw from; the last state if it is not given."""
    columns: Count | None = None
    """Images in a row of a grid."""
    device: Device = "cpu"
    """Where to generate."""


def main(argv: list[str]) -> int:
    """Write the images, and name the file."""
    options = parse(SampleOptions, argv, prog="ganzoo sample")
    kind = options.out.suffix.lower()
    if kind and kind not in (*PICTURES, ".npz", ".npy") and not options.out.is_dir():
        raise ConfigError(
            f"--out {options.out}: files of the kind {kind!r} are not written",
            choices=(*PICTURES, ".npz", ".npy", "a folder"),
        )
    from ganzoo.api import load

    run = load(options.run, step=options.step, device=options.device)
    images = run.generate(options.n, seed=options.seed, labels=options.label)
    try:
        _write(images, options, kind, run)
    except OSError as error:
        raise ConfigError(f"cannot write --out {options.out}: {error.strerror or error}") from None
    console.print(str(options.out), markup=False, soft_wrap=True)
    return 0


def _write(images: Tensor, options: SampleOptions, kind: str, run: Run) -> None:
    from ganzoo.data.convert import to_pixels
    from ganzoo.report.grid import write_grid

    if options.out.is_dir() or not kind:
        from PIL import Image

        options.out.mkdir(parents=True, exist_ok=True)
        for index, image in enumerate(to_pixels(images).permute(0, 2, 3, 1).numpy()):
            Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image).save(options.out / f"{index:06d}.png")
        return
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if kind in PICTURES:
        write_grid(images, options.out, columns=options.columns)
        return
    import numpy

    pixels = to_pixels(images).numpy()  # uint8 (N, C, H, W)
    if kind == ".npy":
        numpy.save(options.out, pixels)
    elif (labels := labels_of(run, options)) is None:
        numpy.savez_compressed(options.out, images=pixels)
    else:
        numpy.savez_compressed(options.out, images=pixels, labels=labels.cpu().numpy())


def labels_of(run: Run, options: SampleOptions) -> Tensor | None:
    """The labels (N,) that the images of ``Run.generate`` were made from; None where none reach the generator."""
    import torch

    from ganzoo.game import Batch
    from ganzoo.training.environment import find_device
    from ganzoo.training.seeding import generator

    device = find_device(options.device)
    given = None if options.label is None else Batch(labels=torch.full((options.n,), options.label, device=device))
    rng = generator(options.seed, "generate", device=device)  # the stream that the images were drawn from
    return run.game.request(options.n, rng, given).get("labels")
