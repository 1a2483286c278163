"""Folders with many small images. Free of torch."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from ganzoo.errors import ConfigError

CLASSES = 10
SIDE = 28
_AT_ONCE = 1000


def image_folder(path: Path, files: int, *, seed: int) -> None:
    """Make ``path`` a folder of ``files`` grey PNGs of 28 x 28 random pixels, spread over ten classes.

    It is there whole or not at all; one that is there already is left as it is.

    Raises:
        ConfigError: it is there with another number of images.
    """
    if not path.is_dir():
        unfinished = path.with_name(path.name + ".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        _write(unfinished, files, seed)
        unfinished.rename(path)
    found = sum(1 for _ in path.glob("*/*.png"))
    if found != files:
        raise ConfigError(f"{path} has {found:,} images in its folders, not {files:,}", fix="remove it")


def _write(root: Path, files: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for label in range(CLASSES):
        (root / str(label)).mkdir(parents=True)
    for start in range(0, files, _AT_ONCE):
        pixels = rng.integers(0, 256, (_AT_ONCE, SIDE, SIDE), dtype=np.uint8)
        for index, image in zip(range(start, min(start + _AT_ONCE, files)), pixels, strict=False):
            Image.fromarray(image).save(root / str(index % CLASSES) / f"{index:08d}.png", compress_level=1)
