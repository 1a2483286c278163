"""Images of other programs that are refused: values, shapes and types that no images have, and missing files."""

from __future__ import annotations

import math
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from toys.arrays import declared, npy_bytes, pixels, refused, save, with_header

from ganzoo.data import arrays
from ganzoo.errors import DataCorruptError, DataNotFoundError


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("values", "told"),
        [
            ([0.0, math.nan], "from nan to nan"),
            ([0.0, math.inf], "from 0 to inf"),
            ([-math.inf, 1.0], "from -inf to 1"),
            ([-math.inf, math.inf], "from -inf to inf"),
        ],
    )
    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_values_that_are_not_finite(self, tmp_path: Path, values: list[float], told: str, dtype: str) -> None:
        said = refused(save(tmp_path / "some.npy", np.array([[values]], dtype)))
        assert f"holds {dtype} {told}\n" in said
        assert "leave out the images that are not finite" in said

    def test_one_nan_in_a_chunk_of_many(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(arrays, "_CHUNK_VALUES", 35)
        stored = pixels() / 255
        stored[3, 1, 2, 2] = math.nan
        assert "from nan to nan" in refused(save(tmp_path / "some.npy", stored))

    @pytest.mark.parametrize(
        ("values", "dtype", "told", "choices"),
        [
            ([0, 256], "int64", "int64 from 0 to 256", "[0, 255]"),
            ([0, 65535], "uint16", "uint16 from 0 to 65535", "[0, 255]"),
            ([-1, 255], "int16", "int16 from -1 to 255", "[0, 255]"),
            ([-128, 127], "int8", "int8 from -128 to 127", "[0, 255]"),
            ([0, 2**64 - 1], "uint64", "uint64 from 0 to 1.84467e+19", "[0, 255]"),
            ([0, 256], "float32", "float32 from 0 to 256", "[0, 1], [-1, 1], [0, 255]"),
            ([-1, 255], "float32", "float32 from -1 to 255", "[0, 1], [-1, 1], [0, 255]"),
            ([-2.5, 2.5], "float64", "float64 from -2.5 to 2.5", "[0, 1], [-1, 1], [0, 255]"),
            ([0, 1e300], "float64", "float64 from 0 to 1e+300", "[0, 1], [-1, 1], [0, 255]"),
            ([0, 1.05], "float32", "from 0 to 1.05, too dark for [0, 255]", "[0, 1], [-1, 1], [0, 255]"),
            ([-0.004, 1.0], "float32", "from -0.004 to 1, too bright for [-1, 1]", "[0, 1], [-1, 1], [0, 255]"),
            ([-0.4, 0.4], "float16", "from -0.399902 to 0.399902, too bright for [-1, 1]", "[0, 1], [-1, 1], [0, 255]"),
            ([0, 1], "uint8", "uint8 from 0 to 1, too dark for [0, 255]", "bool, [0, 255]"),
            ([0, 1], "int64", "int64 from 0 to 1, too dark for [0, 255]", "bool, [0, 255]"),
            ([0, 16], "float64", "from 0 to 16, too dark for [0, 255]", "[0, 1], [-1, 1], [0, 255]"),
        ],
    )
    def test_values_out_of_range(
        self, tmp_path: Path, values: list[float], dtype: str, told: str, choices: str
    ) -> None:
        stored = np.array([[values]], dtype)
        said = refused(save(tmp_path / "some.npy", stored))
        assert f"{told}\n  choices: {choices}\n" in said

    def test_bools_that_are_none(self, tmp_path: Path) -> None:
        path = tmp_path / "some.npy"
        path.write_bytes(with_header(declared((1, 2, 2), "|b1"), bytes([0, 1, 2, 255])))
        assert "bool from 0 to 255" in refused(path)

    @pytest.mark.parametrize("shape", [(0,), (0, 28, 28), (0, 1, 28, 28), (5, 0, 28), (5, 28, 28, 0)])
    @pytest.mark.parametrize("dtype", ["uint8", "float32"])
    def test_no_images(self, tmp_path: Path, shape: tuple[int, ...], dtype: str) -> None:
        for suffix in (".npy", ".npz"):
            told = refused(save(tmp_path / f"some{suffix}", np.zeros(shape, dtype)))
            assert f"holds no images: its shape is {shape}" in told

    @pytest.mark.parametrize("shape", [(), (784,), (10, 784), (5, 4, 28, 28), (5, 28, 28, 2), (2, 2, 1, 28, 28)])
    def test_other_shapes(self, tmp_path: Path, shape: tuple[int, ...]) -> None:
        told = refused(save(tmp_path / "some.npy", np.zeros(shape, np.uint8)))
        assert f"has shape {shape}\n" in told
        assert "choices: (N, H, W), (N, C, H, W), (N, H, W, C), with C 1 or 3\n" in told

    @pytest.mark.parametrize("shape", [(28, 28, 3), (28, 28, 1)])
    def test_one_image(self, tmp_path: Path, shape: tuple[int, ...]) -> None:
        assert "which is one image" in refused(save(tmp_path / "some.npy", np.zeros(shape, np.uint8)))

    @pytest.mark.parametrize(
        ("array", "told"),
        [
            (np.zeros((2, 2, 2), complex), "complex128"),
            (np.zeros((2, 2, 2), "S3"), "|S3"),
            (np.full((2, 2, 2), "ab"), "<U2"),
            (np.zeros((2, 2, 2), "V2"), "|V2"),
            (np.zeros((2, 2, 2), "M8[s]"), "datetime64[s]"),
            (np.zeros((2, 2, 2), "m8[s]"), "timedelta64[s]"),
            (np.zeros((2, 2, 2), [("red", "u1"), ("green", "u1")]), "'red'"),
            (np.zeros((2, 2, 2), [("größe-日", "u1")]), "holds [("),
            (np.zeros((2, 2, 2), object), "Python objects, which are never unpickled"),
            (np.zeros((2, 2, 2), [("red", "u1"), ("any", object)]), "Python objects, which are never unpickled"),
        ],
    )
    @pytest.mark.filterwarnings("ignore:Stored array in format 3.0")
    def test_other_types(self, tmp_path: Path, array: NDArray[Any], told: str) -> None:
        for suffix in (".npy", ".npz"):
            said = refused(save(tmp_path / f"some{suffix}", array))
            assert told in said
            assert "choices: uint8, bool, integers, floats\n" in said

    def test_nothing_is_ever_unpickled(self, tmp_path: Path) -> None:
        trace = tmp_path / "executed"
        array = np.empty((1, 1, 1), object)
        array[0, 0, 0] = Trap(str(trace))
        np.save(tmp_path / "a.npy", array, allow_pickle=True)
        np.savez(tmp_path / "b.npz", images=array)
        (tmp_path / "c.npy").write_bytes(npy_bytes(array)[128:])  # a bare pickle
        for name in ("a.npy", "b.npz"):
            refused(tmp_path / name)
        refused(tmp_path / "c.npy", DataCorruptError)
        assert not trace.exists()
        with np.load(tmp_path / "b.npz", allow_pickle=True) as loaded:
            assert loaded["images"].shape == (1, 1, 1)
        assert trace.exists()  # the trap works

    def test_an_archive_that_is_encrypted(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "some.npz", images=pixels())
        content = bytearray((tmp_path / "some.npz").read_bytes())
        content[content.index(b"PK\1\2") + 8] |= 1
        (tmp_path / "some.npz").write_bytes(content)
        assert "is encrypted" in refused(tmp_path / "some.npz", DataCorruptError)

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_another_compression(self, tmp_path: Path, method: int) -> None:
        with zipfile.ZipFile(tmp_path / "some.npz", "w", method) as archive:
            archive.writestr("images.npy", npy_bytes(pixels()))
        assert f"some.npz['images'] is packed by zip method {method}" in refused(tmp_path / "some.npz")


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path(self.path),)


class TestFiles:
    def test_none(self, tmp_path: Path) -> None:
        assert "does not exist" in refused(tmp_path / "none.npy", DataNotFoundError)
        assert "does not exist" in refused(tmp_path / "none" / "none.npz", DataNotFoundError)

    def test_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "some.npy").mkdir()
        assert "is not a file" in refused(tmp_path / "some.npy")

    def test_one_that_may_not_be_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = save(tmp_path / "some.npy", pixels())

        def open_(*args: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", open_)  # not by its mode, which root overrides
        told = refused(path)
        assert "cannot be read: Permission denied" in told
        assert "check its permissions" in told

    @pytest.mark.parametrize(
        "content",
        [b"", b"P", b"PK", b"PK\3\4", b"\x93NUMPY", b"<html></html>", b"\x89PNG\r\n\x1a\n" * 9, b"\x80\x04N."],
    )
    @pytest.mark.parametrize("suffix", [".npy", ".npz"])
    def test_no_file_of_numpys(self, tmp_path: Path, content: bytes, suffix: str) -> None:
        path = tmp_path / f"some{suffix}"
        path.write_bytes(content)
        assert "is damaged, or no file of numpy's: " in refused(path, DataCorruptError)

    def test_images_that_outgrow_memory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = save(tmp_path / "some.npy", pixels())

        def empty(*args: object) -> None:
            raise MemoryError("Unable to allocate 9 GiB")

        monkeypatch.setattr(np, "empty", empty)
        assert "outgrows memory: Unable to allocate 9 GiB" in refused(path)

    def test_the_module_imports_no_torch(self) -> None:
        code = "import sys, ganzoo.data.arrays; sys.exit('torch' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
