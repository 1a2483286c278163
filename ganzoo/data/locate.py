"""Where data is looked for, and what is said when it is nowhere. Free of torch.

The places, in order: ``--data-dir``, the environment variable ``GANZOO_DATA``, the user's cache folder. In each, files
lie as torchvision lays them out (``MNIST/raw/train-images-idx3-ubyte``). The first place that has all files is taken;
a file there that turns out corrupt is an error, and not a reason to look further.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from ganzoo.errors import DataNotFoundError

from .integrity import DataFile

ENVIRONMENT_VARIABLE = "GANZOO_DATA"


@dataclass(frozen=True)
class Place:
    """A folder that is searched, and the reason why; ``root`` is None for a reason that does not apply."""

    reason: str
    root: Path | None

    def missing(self, files: Sequence[DataFile]) -> list[DataFile]:
        """The files that do not lie here."""
        return [file for file in files if self.root is None or not (self.root / file.path).is_file()]

    def describe(self, files: Sequence[DataFile]) -> str:
        """One line that says what lies here."""
        if self.root is None:
            return f"{self.reason}: not given"
        missing = self.missing(files)
        lacks = "lacks" if self.root.is_dir() else "does not exist, so it lacks"
        return f"{self.reason} {self.root}: {lacks} {', '.join(file.path for file in missing)}"


def places(data_dir: Path | None) -> tuple[Place, ...]:
    """Where data is looked for, in order."""
    variable = os.environ.get(ENVIRONMENT_VARIABLE)
    return (
        Place("--data-dir", data_dir.expanduser() if data_dir else None),
        Place(ENVIRONMENT_VARIABLE, Path(variable).expanduser() if variable else None),
        Place("cache", cache_dir()),
    )


def cache_dir() -> Path:
    """The folder that downloads go to."""
    return platformdirs.user_cache_path("ganzoo") / "data"


def download_dir(data_dir: Path | None) -> Path:
    """Where a download puts its files: ``data_dir`` where it is given, else the user's cache folder."""
    return data_dir.expanduser() if data_dir else cache_dir()


def find(files: Sequence[DataFile], data_dir: Path | None) -> Path | None:
    """The first place that has all ``files``, None if none has."""
    return next((place.root for place in places(data_dir) if not place.missing(files)), None)


def not_found(name: str, files: Sequence[DataFile], data_dir: Path | None, *, download: str) -> DataNotFoundError:
    """The error that says where ``files`` were looked for and how to go on; ``download`` says what became of that."""
    lines = [f"the files of data set {name} are in none of the places searched"]
    lines += [f"  {place.describe(files)}" for place in places(data_dir)]
    lines += [f"  download: {download}"]
    ways = (
        f"put the files so that DIR/{files[0].path} exists, and pass --data-dir DIR",
        f"or set the environment variable {ENVIRONMENT_VARIABLE}=DIR",
        f"or connect to the network and run `ganzoo data download {name}`",
    )
    fix = f"{'; '.join(ways)}. Without any files: --dataset digits, which is built in"
    return DataNotFoundError("\n".join(lines), fix=fix)
