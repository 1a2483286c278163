"""Which data a run reads, and how it is held. Free of torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ganzoo.options import Options

RARE = ("stacks", "stacks_seed")
"""Options that do nothing for most data sets, and are refused for those whose spec does not say that it heeds them."""

Stacks = Annotated[int, Field(ge=1, le=1_000_000)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class DataOptions(Options):
    """Which data a run reads, and how it is held."""

    dataset: str = "mnist"
    """Name of a data set (see `ganzoo data list`), or folder:PATH for a folder of your own images."""
    data_dir: Path | None = None
    """Where the data lies; before GANZOO_DATA and the user's cache folder."""
    split: Literal["train", "test", "all"] = "train"
    """Which images to read."""
    image_size: Annotated[int, Field(ge=4, le=1024)] | None = None
    """Side in pixels that images are brought to (28 to 32 by a black border, else by resampling); None keeps them."""
    channels: Literal[1, 3] | None = None
    """1 for grey, 3 for colour; None keeps what the data set has."""
    stacks: Stacks | None = None
    """Stacks among the training images of stacked-mnist; None for 128,000."""
    stacks_seed: Seed | None = None
    """Seed by which the digits of these stacks are drawn; None for the usual draw, which is that of seed 0."""
    storage: Literal["auto", "device", "stream"] = "auto"
    """Keep all images on the device as uint8, or stream them through workers; auto keeps what fits."""
    workers: Annotated[int, Field(ge=0, le=64)] = 2
    """Processes that read images when streaming."""
    download: bool = True
    """Fetch and verify what is in none of the places searched."""
