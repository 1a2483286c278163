"""Which data a run reads, and how it is held. Free of torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ganzoo.options import Options


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
    storage: Literal["auto", "device", "stream"] = "auto"
    """Keep all images on the device as uint8, or stream them through workers; auto keeps what fits."""
    workers: Annotated[int, Field(ge=0, le=64)] = 2
    """Processes that read images when streaming."""
    download: bool = True
    """Fetch and verify what is in none of the places searched."""
