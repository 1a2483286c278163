"""Downloads that end verified or absent, whoever is killed and however many run at once. Free of torch."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from filelock import FileLock

from ganzoo.errors import DataError, DiskFullError

from .integrity import RECORD, DataFile, read_proven, record

_PATIENCE = 30.0
"""Seconds to wait for a silent server."""


class DownloadError(DataError):
    """A download did not come through; nothing was left behind."""


def download(name: str, files: Sequence[DataFile], fetch: Callable[[Path], None], root: Path) -> None:
    """Fill what is missing of ``files`` below ``root``.

    One process at a time fetches into a folder of its own beside the target, where every file is proven; only then is
    each moved into place, which is atomic. A process that dies leaves whole files or none, and the next one begins
    afresh. Its lock dies with it.

    Args:
        name: of the data set.
        files: all its files.
        fetch: fills a folder with them, from archives that it verifies.
        root: the data folder.

    Raises:
        DownloadError: no network, a silent server, or a folder that cannot be written to.
        DataCorruptError: what came is not what was expected.
        DiskFullError: no room.
    """
    with _spelled_out(name, root):
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f".{name}.lock"):
            if all((root / file.path).is_file() for file in files):
                return
            partial = root / f".{name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            try:
                partial.mkdir()
                with _impatient():
                    fetch(partial)
                _take(name, files, partial, root)
            finally:
                shutil.rmtree(partial, ignore_errors=True)


def _take(name: str, files: Sequence[DataFile], partial: Path, root: Path) -> None:
    """Prove all, note the checksums of those that have none in the code, and move in what is missing."""
    reports = [read_proven(partial, file, name=name)[1] for file in files]
    unknown = [report.path for file, report in zip(files, reports, strict=True) if file.md5 is None]
    moving = [file.path for file in files if not (root / file.path).is_file()]
    if unknown:
        noted = unknown[0].with_name(RECORD)
        noted.write_text(record(unknown))
        moving.insert(0, noted.relative_to(partial).as_posix())  # first: no file is ever there without its record
    for path in moving:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        _sync(partial / path)
        os.replace(partial / path, root / path)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def _impatient() -> Iterator[None]:
    """torchvision sets no time-out, so a network that swallows packets would hang a run for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextmanager
def _spelled_out(name: str, root: Path) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFullError(f"no room in {root} for data set {name}", fix="make room, or pass --data-dir") from None
        reason = error.reason if isinstance(error, URLError) else error
        raise DownloadError(f"failed: {reason}") from None
    except RuntimeError as error:  # torchvision's word for servers that fail and for wrong archives
        raise DownloadError(f"failed: {' '.join(str(error).split())}") from None
