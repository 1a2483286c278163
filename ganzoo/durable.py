"""Files that are whole or absent, whatever moment the process or the machine stops at."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ganzoo.errors import DiskFullError


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` and bring it to the disk before returning; not atomic by itself."""
    with disk_full_named(path, len(content)), path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_bytes(path: Path, content: bytes) -> None:
    """Replace the file at ``path`` by one with ``content``: readers see the old one or the new one, never a part."""
    temporary = path.with_name(path.name + ".tmp")
    write_bytes(temporary, content)
    os.replace(temporary, path)
    sync_folder(path.parent)


def replace_json(path: Path, value: Any) -> None:
    """Replace the file at ``path`` by ``value`` as JSON."""
    replace_bytes(path, to_json(value))


def to_json(value: Any) -> bytes:
    """``value`` as indented UTF-8 JSON; NaN and infinity are refused."""
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def sync_folder(path: Path) -> None:
    """Bring a folder's entries to the disk, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def disk_full_named(path: Path, needed: int) -> Iterator[None]:
    """Turn "no space left" into a DiskFullError that says how many bytes were needed."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                f"no room for {path} ({needed:,} bytes)", fix="free that much on the disk and resume the run"
            ) from None
        raise
