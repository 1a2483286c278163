"""A file that is not the right one is named before anything is made of it."""

from __future__ import annotations

import gzip
import hashlib
import random
from dataclasses import replace
from pathlib import Path

import pytest

from ganzoo.data.integrity import DataFile, idx_header, read_proven, record
from ganzoo.errors import DataCorruptError, DataError, DataNotFoundError

SHAPE = (12, 28, 28)
CONTENT = idx_header(*SHAPE) + random.Random(0).randbytes(12 * 28 * 28)
KNOWN = DataFile(
    path="set/images",
    split="train",
    md5=hashlib.md5(CONTENT).hexdigest(),
    header=idx_header(*SHAPE),
    size=len(CONTENT),
)
UNKNOWN = replace(KNOWN, md5=None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The right file, at its place below tmp_path."""
    path = tmp_path / KNOWN.path
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path


def test_the_right_file_passes_by_its_checksum(path: Path, tmp_path: Path) -> None:
    data, report = read_proven(tmp_path, KNOWN, name="set")
    assert bytes(data) == CONTENT
    assert (report.path, report.size, report.evidence) == (path, len(CONTENT), "checksum")


@pytest.mark.parametrize("seed", range(100))
def test_one_changed_bit_is_caught(path: Path, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    position = rng.randrange(len(CONTENT))
    changed = bytearray(CONTENT)
    changed[position] ^= 1 << rng.randrange(8)
    path.write_bytes(changed)
    with pytest.raises(DataCorruptError) as caught:
        read_proven(tmp_path, KNOWN, name="set")
    assert str(path) in str(caught.value)
    assert "ganzoo data download set" in str(caught.value)
    if position >= len(KNOWN.header):
        assert KNOWN.md5 in str(caught.value)
        assert hashlib.md5(changed).hexdigest() in str(caught.value)


@pytest.mark.parametrize("seed", range(50))
def test_a_part_of_a_file_is_caught(path: Path, tmp_path: Path, seed: int) -> None:
    length = random.Random(seed).randrange(len(CONTENT))
    path.write_bytes(CONTENT[:length])
    with pytest.raises(DataCorruptError, match="not whole") as caught:
        read_proven(tmp_path, UNKNOWN, name="set")  # the size alone tells, with no checksum known
    assert f"{length:,} bytes, expected {len(CONTENT):,}" in str(caught.value)


def test_a_part_of_a_file_of_unknown_size_is_caught_by_its_checksum(path: Path, tmp_path: Path) -> None:
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(DataCorruptError, match="its MD5 is"):
        read_proven(tmp_path, replace(KNOWN, size=None), name="set")


def test_a_wrong_header_is_shown(path: Path, tmp_path: Path) -> None:
    path.write_bytes(b"<html>" + CONTENT[6:])
    with pytest.raises(DataCorruptError, match="begins with 3c 68 74 6d 6c 3e") as caught:
        read_proven(tmp_path, UNKNOWN, name="set")
    assert "expected 00 00 08 03 00 00 00 0c" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="images does not exist"):
        read_proven(tmp_path, KNOWN, name="set")


def test_what_cannot_be_read_is_named(path: Path, tmp_path: Path) -> None:
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_proven(tmp_path, KNOWN, name="set")


def test_without_a_checksum_only_the_structure_counts_as_proven(path: Path, tmp_path: Path) -> None:
    assert read_proven(tmp_path, UNKNOWN, name="set")[1].evidence == "structure"


def test_a_record_beside_the_file_proves_it(path: Path, tmp_path: Path) -> None:
    path.with_name("SHA256SUMS").write_text(record([path]))
    assert read_proven(tmp_path, UNKNOWN, name="set")[1].evidence == "record"
    path.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    with pytest.raises(DataCorruptError, match="its SHA-256 is"):
        read_proven(tmp_path, UNKNOWN, name="set")


def test_a_record_has_the_format_of_sha256sum(path: Path) -> None:
    assert record([path]) == f"{hashlib.sha256(CONTENT).hexdigest()}  images\n"


def test_a_record_of_other_files_proves_nothing(path: Path, tmp_path: Path) -> None:
    path.with_name("SHA256SUMS").write_text("0" * 64 + "  other\n")
    assert read_proven(tmp_path, UNKNOWN, name="set")[1].evidence == "structure"


class TestArchive:
    """The archive beside a file, whose checksum is known."""

    PACKED = gzip.compress(CONTENT, mtime=0)
    FILE = replace(UNKNOWN, archive_md5=hashlib.md5(PACKED).hexdigest())

    def test_it_proves_the_file(self, path: Path, tmp_path: Path) -> None:
        path.with_name("images.gz").write_bytes(self.PACKED)
        assert read_proven(tmp_path, self.FILE, name="set")[1].evidence == "archive"

    def test_a_changed_byte_of_the_file_is_caught(self, path: Path, tmp_path: Path) -> None:
        path.with_name("images.gz").write_bytes(self.PACKED)
        path.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
        with pytest.raises(DataCorruptError, match=r"images is corrupt: it differs from what images\.gz"):
            read_proven(tmp_path, self.FILE, name="set")

    def test_a_changed_byte_of_the_archive_is_caught(self, path: Path, tmp_path: Path) -> None:
        path.with_name("images.gz").write_bytes(self.PACKED[:-1] + b"?")
        with pytest.raises(DataCorruptError, match=r"images\.gz is corrupt: its MD5"):
            read_proven(tmp_path, self.FILE, name="set")

    def test_without_it_only_the_structure_is_proven(self, path: Path, tmp_path: Path) -> None:
        assert read_proven(tmp_path, self.FILE, name="set")[1].evidence == "structure"


def test_idx_headers_are_those_of_mnist() -> None:
    assert idx_header(60000, 28, 28).hex() == "000008030000ea600000001c0000001c"
    assert idx_header(10000).hex() == "0000080100002710"
