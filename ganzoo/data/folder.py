"""A user's own images. Importing this module does not import torch.

``folder:PATH`` takes the images in PATH, without labels; or, where PATH has none but sub-folders with images, each
sub-folder is a class. Images are taken in the order of their names, hidden files not at all.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ganzoo.errors import ConfigError, DataError, DataNotFoundError

from .images import ImageSet, Shape, shaped
from .info import DataInfo
from .options import DataOptions
from .picture import SUFFIXES, decode, is_image, read_header
from .source import FileReport, Report, Source, Split, Stream

if TYPE_CHECKING:
    from torch import Tensor

PREFIX = "folder:"

_HASHED = 256 << 20


@dataclass(frozen=True)
class Listing:
    """The image files below ``root``: their paths relative to it, the label of each, and the names of the classes."""

    root: Path
    paths: tuple[str, ...]
    labels: tuple[int, ...]
    classes: tuple[str, ...] = ()


class Folder(Source):
    """The images in a folder.

    Without ``--image-size`` all must have one size, and without ``--channels`` they are grey if all of them are; both
    are read from the files' headers, which takes a while for very many files and is spared where both are given.

    Raises:
        ConfigError: no path.
    """

    def __init__(self, options: DataOptions) -> None:
        path = options.dataset.removeprefix(PREFIX)
        if path in ("", "folder"):
            raise ConfigError(
                f"data set {options.dataset!r} lacks a path", fix="write folder:PATH, as in folder:photos"
            )
        self.options = options
        self.path = Path(path).expanduser()

    @cached_property
    def listing(self) -> Listing:
        """The files, looked up once."""
        return list_images(self.path)

    @cached_property
    def info(self) -> DataInfo:
        """Shape, classes and the number of images, all of which are in the split ``train``."""
        channels, height, width = self._shape()
        return DataInfo(
            name=self.options.dataset,
            channels=channels,
            height=height,
            width=width,
            classes=self.listing.classes,
            sizes=(("train", len(self.listing.paths)),),
        )

    def place(self) -> Path:
        """The folder itself."""
        return self.path

    def verify(self) -> Report:
        """Decode every image."""
        reports = []
        for name in self.listing.paths:
            path = self.path / name
            decode(path)
            reports.append(FileReport(path=path, size=path.stat().st_size, evidence="decoded"))
        return Report(name=self.options.dataset, files=tuple(reports))

    def open(self, split: Split) -> FolderStream:
        """The images, read from their files when they are asked for."""
        self.info.parts(split)
        return FolderStream(self.listing, self.info.shape)

    def load(self, split: Split) -> ImageSet:
        """All images, decoded by ``--workers`` threads."""
        import torch

        stream = self.open(split)
        images = torch.empty((len(stream), *self.info.shape), dtype=torch.uint8)

        def read(index: int) -> None:
            images[index] = stream[index][0]

        with ThreadPoolExecutor(max(1, self.options.workers)) as pool:
            for _ in pool.map(read, range(len(stream))):
                pass
        labels = torch.tensor(self.listing.labels) if stream.labelled else None
        return ImageSet(images, labels, fingerprint=stream.fingerprint)

    def _shape(self) -> Shape:
        channels, side = self.options.channels, self.options.image_size
        if channels and side:
            return channels, side, side
        found = 1
        sizes: dict[tuple[int, int], Path] = {}
        for name in self.listing.paths:  # one by one: there may be millions
            path = self.path / name
            grey, height, width = read_header(path)
            found = found if grey else 3
            sizes.setdefault((height, width), path)
        if not side and len(sizes) > 1:
            raise _mixed_sizes(self.options.dataset, sizes)
        height, width = next(iter(sizes))
        return channels or found, side or height, side or width


class FolderStream(Stream):
    """The images of a folder, uint8 ``shape`` (C, H, W), each read when it is asked for.

    The fingerprint covers the names, sizes and labels of all files and the content of evenly spaced ones; of all of
    them where they have 256 MB or less.
    """

    def __init__(self, listing: Listing, shape: Shape) -> None:
        self.listing, self.shape = listing, shape
        self.labelled = bool(listing.classes)

    def __len__(self) -> int:
        return len(self.listing.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        from .convert import convert

        image = decode(self.listing.root / self.listing.paths[index]).unsqueeze(0)
        return convert(image, self.shape).squeeze(0), self.listing.labels[index] if self.labelled else -1

    @cached_property
    def fingerprint(self) -> str:  # type: ignore[override]
        """SHA-256, hex."""
        digest, total = hashlib.sha256(), 0
        for name, label in zip(self.listing.paths, self.listing.labels, strict=True):
            size = (self.listing.root / name).stat().st_size
            digest.update(f"{name}\0{size}\0{label}\n".encode(errors="surrogateescape"))
            total += size
        for name in self.listing.paths[:: 1 + total // _HASHED]:
            digest.update((self.listing.root / name).read_bytes())
        return shaped(digest.hexdigest(), self.shape)


def list_images(root: Path) -> Listing:
    """The images below ``root``.

    Raises:
        DataNotFoundError: no such folder, or no images in it.
        DataError: images both in the folder and in its sub-folders.
    """
    if not root.is_dir():
        raise DataNotFoundError(f"{PREFIX}{root}: there is no such folder", fix="check the path")
    own = sorted(entry.name for entry in root.iterdir() if entry.is_file() and is_image(entry.name))
    folders = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    classes = {folder: found for folder in folders if (found := sorted(_walk(root, folder)))}
    if own and classes:
        raise DataError(
            f"{PREFIX}{root} has images of its own ({own[0]}) and sub-folders with images ({', '.join(classes)})",
            fix="leave images without labels in one folder, or put all of them into one sub-folder for each class",
        )
    if own:
        return Listing(root, tuple(own), (-1,) * len(own))
    if not classes:
        raise DataNotFoundError(f"{PREFIX}{root} has no images", choices=SUFFIXES, fix="check the path")
    pairs = [(path, label) for label, found in enumerate(classes.values()) for path in found]
    return Listing(root, tuple(path for path, _ in pairs), tuple(label for _, label in pairs), tuple(classes))


def _walk(root: Path, folder: str) -> Iterator[str]:
    def refuse(error: OSError) -> NoReturn:
        problem = f"{PREFIX}{root}: cannot list {error.filename}: {error.strerror}"
        raise DataError(problem, fix="check its permissions, or move it elsewhere") from None

    for parent, folders, names in os.walk(root / folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from ((Path(parent) / name).relative_to(root).as_posix() for name in names if is_image(name))


def _mixed_sizes(name: str, sizes: dict[tuple[int, int], Path]) -> ConfigError:
    examples = [f"{path.name} is {width} x {height}" for (height, width), path in list(sizes.items())[:2]]
    least = min(min(size) for size in sizes)
    return ConfigError(
        f"{name} has images of {len(sizes)} sizes: {', '.join(examples)}",
        fix=f"bring them to one size, for training with --image-size {1 << max(2, least.bit_length() - 1)}",
    )
