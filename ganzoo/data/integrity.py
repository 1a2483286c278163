"""Proof that a data file is the right one. The bytes that are proven are the bytes that are used.

Every start hashes what it reads: MNIST's 47 MB take a tenth of a second, so nothing is remembered between starts and a
changed byte has no cache to hide behind. Free of torch.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ganzoo.errors import DataCorruptError, DataError, DataNotFoundError

from .source import Evidence, FileReport

RECORD = "SHA256SUMS"
"""Beside files that were unpacked from a proven archive: their checksums, in the format of ``sha256sum``."""


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """What is known of a file before it is seen.

    Attributes:
        path: below the data folder, with forward slashes.
        split: the split that needs it, or ``both``.
        md5: of the file.
        archive_md5: of the file's gzip form, ``path`` + ".gz".
        header: its first bytes.
        size: in bytes.
    """

    path: str
    split: Literal["train", "test", "both"]
    md5: str | None = None
    archive_md5: str | None = None
    header: bytes = b""
    size: int | None = None


def read_proven(root: Path, file: DataFile, *, name: str) -> tuple[bytearray, FileReport]:
    """The content of ``file`` below ``root``, and how it was proven.

    Args:
        root: the data folder.
        file: what is expected there.
        name: of the data set, for the message.

    Raises:
        DataNotFoundError: there is no such file.
        DataCorruptError: its content is wrong; the message has expected and actual values, and the fix.
        DataError: it cannot be read.
    """
    path = root / file.path
    data = _read(path)
    try:
        evidence = _prove(path, data, file)
    except DataCorruptError as error:
        fix = f"delete {path} and run `ganzoo data download {name}`, or put a good copy there"
        raise DataCorruptError(error.problem, fix=fix) from None
    return data, FileReport(path=path, size=len(data), evidence=evidence)


def idx_header(*shape: int) -> bytes:
    """The first bytes of an IDX file of uint8: two zeros, 8 for uint8, the number of dimensions, each big-endian."""
    return bytes((0, 0, 8, len(shape))) + b"".join(n.to_bytes(4, "big") for n in shape)


def record(paths: list[Path]) -> str:
    """The text of a :data:`RECORD` for ``paths``, which lie in one folder."""
    return "".join(f"{_sha256(path.read_bytes())}  {path.name}\n" for path in sorted(paths))


def md5(data: bytes | bytearray) -> str:
    """MD5, hex. It guards against damage, for which it is as good as any; the publishers give no other."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes | bytearray) -> str:
    return hashlib.sha256(data).hexdigest()


def _read(path: Path) -> bytearray:
    try:
        with path.open("rb") as file:
            data = bytearray(path.stat().st_size)
            del data[file.readinto(data) :]
            return data
    except FileNotFoundError:
        raise DataNotFoundError(f"{path} does not exist") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", fix="check its permissions and the disk") from None


def _prove(path: Path, data: bytearray, file: DataFile) -> Evidence:
    if file.size is not None and len(data) != file.size:
        raise DataCorruptError(f"{path} is not whole: it has {len(data):,} bytes, expected {file.size:,}")
    if not data.startswith(file.header):
        actual = data[: len(file.header)].hex(" ")
        raise DataCorruptError(f"{path} is corrupt: it begins with {actual}, expected {file.header.hex(' ')}")
    if file.md5 is not None:
        _compare(path, "MD5", md5(data), file.md5)
        return "checksum"
    if (expected := _recorded(path)) is not None:
        _compare(path, "SHA-256", _sha256(data), expected)
        return "record"
    if file.archive_md5 is not None and (archive := path.with_name(path.name + ".gz")).is_file():
        _compare_archive(path, data, archive, file.archive_md5)
        return "archive"
    return "structure"


def _compare(path: Path, kind: str, actual: str, expected: str) -> None:
    if actual != expected:
        raise DataCorruptError(f"{path} is corrupt: its {kind} is {actual}, expected {expected}")


def _recorded(path: Path) -> str | None:
    try:
        lines = path.with_name(RECORD).read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    return next((line[:64] for line in lines if line[64:].lstrip(" *") == path.name), None)


def _compare_archive(path: Path, data: bytearray, archive: Path, expected: str) -> None:
    packed = _read(archive)
    _compare(archive, "MD5", md5(packed), expected)
    try:
        same = gzip.decompress(packed) == data
    except (OSError, EOFError, zlib.error) as error:
        raise DataCorruptError(f"{archive} cannot be unpacked: {error}") from None
    if not same:
        raise DataCorruptError(f"{path} is corrupt: it differs from what {archive.name} beside it unpacks to")
