"""Files of numpy's that are damaged, cut or made up: refused by name, in bounded memory and without unpickling."""

from __future__ import annotations

import io
import random
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from toys.arrays import declared, npy_bytes, pixels, refused, with_header

from ganzoo.data import ImageSet
from ganzoo.data.arrays import read_images
from ganzoo.errors import DataCorruptError, DataError, GanzooError

IMPOSSIBLE = {
    "lengths below zero": with_header(declared((-1, -2, 4)), bytes(8)),
    "a length of more than 63 bits": with_header(declared((1 << 63, 0, 1))),
    "65 axes": with_header(declared((1,) * 65), bytes(1)),
    "a length in quotes": with_header(declared(("9", 1, 1)), bytes(8)),
    "a list of lengths": with_header(declared([2, 2, 2]), bytes(8)),
    "an order that is no bool": with_header(declared((2, 2, 2), by_columns=0), bytes(8)),
    "an unknown type": with_header(declared((2, 2, 2), "|u9"), bytes(8)),
    "a list of types": with_header(declared((2, 2, 2), ["u1"]), bytes(8)),
    "a record without a type": with_header(declared((2, 2, 2), [("a",)]), bytes(8)),
    "a dictionary for a type": with_header(declared((2, 2, 2), {1: 2}), bytes(8)),
    "no order": with_header("{'descr': '|u1', 'shape': (2, 2, 2)}", bytes(8)),
    "keys of several types": with_header("{1: 2, 'a': 3}"),
    "a key that cannot be one": with_header("{{}: 1}"),
    "open": with_header("("),
    "deep": with_header("(" * 9_000),
    "deep in another way": with_header("-" * 9_000 + "1"),
    "a long number": with_header("9" * 9_000),
    "a string without end": with_header("'\\d"),
    "code": with_header("__import__('os')"),
    "long": with_header(" " * 20_000),
    "version 4": with_header(declared((2, 2, 2)), bytes(8), version=(4, 0)),
    "version 1.1": with_header(declared((2, 2, 2)), bytes(8), version=(1, 1)),
    "4 GB of header": b"\x93NUMPY\2\0\xff\xff\xff\xff",
}


class TestDamage:
    @pytest.mark.parametrize(
        "header",
        [
            declared((1 << 40, 28, 28)),
            declared((2, 2, 2), "<f8"),
            declared((1, 1, 1)),
            declared((1 << 62, 1 << 62, 1 << 62)),
        ],
    )
    @pytest.mark.parametrize("method", [None, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    def test_a_header_that_the_size_does_not_bear_out(self, tmp_path: Path, header: str, method: int | None) -> None:
        path, content = tmp_path / "some.npz", with_header(header, bytes(8))
        if method is None:
            path.write_bytes(content)
        else:
            with zipfile.ZipFile(path, "w", method) as archive:
                archive.writestr("images.npy", content)
        told = refused(path, DataCorruptError)
        assert re.search(rf"is not whole: {len(content):,} bytes, expected [\d,]+\n", told)

    @pytest.mark.parametrize("content", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
    def test_an_impossible_header(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "some.npy").write_bytes(content)
        told = refused(tmp_path / "some.npy", DataCorruptError)
        assert "is damaged, or no file of numpy's: " in told
        assert len(told) < 400 + len(str(tmp_path))

    @pytest.mark.parametrize("version", [(2, 0), (3, 0)])
    def test_other_versions_of_the_format(self, tmp_path: Path, version: tuple[int, int]) -> None:
        (tmp_path / "some.npy").write_bytes(with_header(declared((2, 2, 2)), bytes(range(8)), version))
        images, _ = read_images(tmp_path / "some.npy")
        assert images.images.flatten().tolist() == list(range(8))

    def test_a_header_from_python_2(self, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
        header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 2L, 2L)}"
        (tmp_path / "some.npy").write_bytes(with_header(header, bytes(range(8))))
        images, _ = read_images(tmp_path / "some.npy")
        assert images.images.shape == (2, 1, 2, 2)
        assert not recwarn.list

    @pytest.mark.parametrize("stored", [True, False])
    def test_a_directory_that_promises_much(self, tmp_path: Path, stored: bool) -> None:
        """The sizes in the archive are forged to agree with the header: 1 GB from some hundred bytes."""
        path = tmp_path / "some.npz"
        content = with_header(declared((1 << 20, 32, 32)), bytes(100))
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("images.npy", content)
        forged = bytearray(path.read_bytes())
        entry = forged.index(b"PK\1\2")
        struct.pack_into("<I", forged, entry + 24, len(content) - 100 + (1 << 30))
        path.write_bytes(forged)
        assert "bytes unpack to 1,073,7" in refused(path, DataCorruptError)
        struct.pack_into("<I", forged, entry + 20, 1 << 30)  # and as if the archive itself were large
        path.write_bytes(forged)
        assert "bytes unpack to 1,073,7" in refused(path, DataCorruptError)

    @pytest.mark.parametrize("savez", [np.savez, np.savez_compressed])
    @pytest.mark.parametrize("dtype", ["uint8", "float32"])
    def test_a_changed_byte_in_an_archive(self, tmp_path: Path, savez: Callable[..., None], dtype: str) -> None:
        path = tmp_path / "some.npz"
        savez(path, images=pixels(n=20).astype(dtype))
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 16
        path.write_bytes(content)
        told = refused(path, DataCorruptError)
        assert savez is np.savez_compressed or "Bad CRC-32 for file 'images.npy'" in told

    @pytest.mark.parametrize("kind", ["npy", "npz", "npz compressed"])
    def test_a_part_of_a_file(self, tmp_path: Path, kind: str) -> None:
        path, content = tmp_path / "some.npy", written(kind)
        step = max(1, len(content) // 80)
        for length in [*range(0, len(content), step), len(content) - 1]:
            path.write_bytes(content[:length])
            refused(path, DataCorruptError)
        path.write_bytes(content)
        read_images(path)

    def test_bytes_that_follow_the_array(self, tmp_path: Path) -> None:
        (tmp_path / "some.npy").write_bytes(npy_bytes(pixels()) * 2)
        assert "is not whole" in refused(tmp_path / "some.npy", DataCorruptError)

    @pytest.mark.parametrize("kind", ["npy", "npz", "npz compressed"])
    @pytest.mark.parametrize("at", [9, 100, 500, -300, -30])
    def test_bytes_that_are_missing_inside(self, tmp_path: Path, kind: str, at: int) -> None:
        path, content = tmp_path / "some.npy", written(kind)
        path.write_bytes(content[:at] + content[at + 3 :])
        refused(path, DataCorruptError)

    @pytest.mark.parametrize("kind", ["npy", "npz", "npz compressed"])
    @pytest.mark.filterwarnings("error")
    def test_random_damage_gives_images_or_an_error_of_ours(self, tmp_path: Path, kind: str) -> None:
        path, content, rng = tmp_path / "some.npy", written(kind), random.Random(kind)
        for _ in range(200):
            damaged = bytearray(content)
            for _ in range(rng.choice([1, 1, 1, 4])):
                # The headers are short, so half of the damage goes there.
                ends = [rng.randrange(140), rng.randrange(len(content) - 100, len(content))]
                damaged[rng.choice([*ends, rng.randrange(len(content)), rng.randrange(len(content))])] ^= rng.randrange(
                    256
                )
            path.write_bytes(damaged)
            outcome = tried(path)
            if isinstance(outcome, GanzooError):
                assert isinstance(outcome, DataError)
            elif kind == "npy":
                assert outcome.images.numel() <= len(content)
            else:  # the checksum in the archive covers all that tells the images
                assert np.array_equal(outcome.images, pixels(n=4))


def tried(path: Path) -> ImageSet | GanzooError:
    """The images, or the error in their place."""
    try:
        return read_images(path)[0]
    except GanzooError as error:
        return error


def written(kind: str) -> bytes:
    """The content of a small file of this kind, with floats."""
    array, stream = (pixels(n=4) / 255).astype(np.float32), io.BytesIO()
    if kind == "npy":
        np.save(stream, array)
    else:
        (np.savez if kind == "npz" else np.savez_compressed)(stream, images=array, labels=np.arange(4))
    return stream.getvalue()
