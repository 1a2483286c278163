"""Images of other programs: each form that is understood, and each that is refused, by name and without unpickling."""

from __future__ import annotations

import io
import math
import random
import re
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ganzoo.data import ImageSet, arrays
from ganzoo.data.arrays import read_images
from ganzoo.data.convert import to_pixels
from ganzoo.errors import DataCorruptError, DataError, DataNotFoundError, GanzooError

Pixels = NDArray[np.uint8]

LAYOUTS = {"(N, H, W)": (1, None), "(N, C, H, W)": (3, (0, 1, 2, 3)), "(N, H, W, C)": (3, (0, 2, 3, 1))}
"""Channels, and the axes that bring (N, C, H, W) to the layout."""

RANGES: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "[0, 255]": lambda x: x,
    "[0, 1]": lambda x: x / 255,
    "[-1, 1]": lambda x: x / 127.5 - 1,
}
INTS = ["uint8", "uint16", "uint32", "uint64", "int16", "int32", "int64", ">i4"]
FLOATS = ["float16", "float32", "float64", ">f4"]
FORMS = [(dtype, "[0, 255]") for dtype in INTS + FLOATS] + [
    (dtype, range_) for dtype in FLOATS for range_ in ("[0, 1]", "[-1, 1]")
]


def pixels(n: int = 6, channels: int = 3, height: int = 5, width: int = 7, seed: int = 0) -> Pixels:
    """uint8 (N, C, H, W) that has both black and white in it."""
    images = np.random.default_rng(seed).integers(0, 256, (n, channels, height, width), dtype=np.uint8)
    images.flat[0], images.flat[-1] = 0, 255
    return images


def laid_out(images: Pixels, layout: str) -> Pixels:
    """(N, C, H, W) in ``layout``."""
    axes = LAYOUTS[layout][1]
    return np.ascontiguousarray(images[:, 0] if axes is None else images.transpose(axes))


def save(path: Path, array: NDArray[Any]) -> Path:
    """The array at ``path``; in a ``.npz`` under ``images``."""
    if path.suffix == ".npy":
        np.save(path, array, allow_pickle=True)
    else:
        np.savez_compressed(path, images=array)
    return path


def npy_bytes(array: NDArray[Any]) -> bytes:
    """The content of a ``.npy`` file."""
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def with_header(header: str, values: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    """A ``.npy`` file with a header of our own."""
    length = struct.pack("<H" if version == (1, 0) else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + length + header.encode("latin1") + values


def declared(shape: object, descr: object = "|u1", by_columns: object = False) -> str:
    """A header that declares this."""
    return f"{{'descr': {descr!r}, 'fortran_order': {by_columns!r}, 'shape': {shape!r}}}"


def refused(path: Path, error: type[DataError] = DataError) -> str:
    """The message with which ``path`` is refused: of this very class, with the file's name and a fix."""
    with pytest.raises(GanzooError) as caught:
        read_images(path)
    assert type(caught.value) is error
    assert str(path) in caught.value.problem
    assert caught.value.fix
    assert "\n" not in caught.value.problem
    return str(caught.value)


class TestWhatIsUnderstood:
    @pytest.mark.parametrize("suffix", [".npy", ".npz"])
    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize(("dtype", "range_"), FORMS)
    def test_every_layout_type_and_range(
        self, tmp_path: Path, dtype: str, range_: str, layout: str, suffix: str
    ) -> None:
        original = pixels(channels=LAYOUTS[layout][0])
        stored = RANGES[range_](laid_out(original, layout).astype("float64")).astype(dtype)
        images, note = read_images(save(tmp_path / f"some{suffix}", stored))
        assert images.images.dtype == torch.uint8
        assert images.labels is None
        # float16 has steps of half a brightness near 1, so half of them are lost in [0, 1] and [-1, 1].
        lost = 1 if dtype == "float16" and range_ != "[0, 255]" else 0
        assert np.abs(images.images.numpy().astype(int) - original).max() <= lost
        key = "images: " if suffix == ".npz" else ""
        assert note == f"{key}{stored.dtype} {stored.shape}, read as {layout} in {range_}"

    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("suffix", [".npy", ".npz"])
    @pytest.mark.parametrize("dtype", ["uint8", "float32"])
    def test_arrays_by_columns(self, tmp_path: Path, layout: str, suffix: str, dtype: str) -> None:
        original = pixels(channels=LAYOUTS[layout][0])
        stored = np.asfortranarray(laid_out(original, layout).astype(dtype))
        images, _ = read_images(save(tmp_path / f"some{suffix}", stored))
        assert np.array_equal(images.images, original)

    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("layout", ["(N, C, H, W)", "(N, H, W, C)"])
    def test_one_channel_or_three(self, tmp_path: Path, channels: int, layout: str) -> None:
        original = pixels(channels=channels)
        images, note = read_images(save(tmp_path / "some.npy", laid_out(original, layout)))
        assert np.array_equal(images.images, original)
        assert f"read as {layout} in" in note

    def test_black_and_white(self, tmp_path: Path) -> None:
        stored = pixels(channels=1)[:, 0] > 127
        images, note = read_images(save(tmp_path / "some.npy", stored))
        assert np.array_equal(images.images[:, 0], stored * np.uint8(255))
        assert note == "bool (6, 5, 7), read as (N, H, W) in [0, 1]"

    def test_small_signed_integers(self, tmp_path: Path) -> None:
        stored = pixels(channels=1)[:, 0] // 2
        images, _ = read_images(save(tmp_path / "some.npy", stored.astype(np.int8)))
        assert np.array_equal(images.images[:, 0], stored)

    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_floats_become_the_bytes_that_to_pixels_makes(self, tmp_path: Path, dtype: str) -> None:
        levels = np.arange(0, 255.5, 0.25)  # among them the ties, halfway between two bytes
        random_ = np.random.default_rng(0).uniform(-1, 1, 40 * 40 - len(levels))
        stored = np.concatenate([levels / 127.5 - 1, random_]).reshape(1, 1, 40, 40).astype(dtype)
        images, _ = read_images(save(tmp_path / "some.npy", stored))
        assert torch.equal(images.images, to_pixels(torch.from_numpy(stored)))

    def test_the_range_is_that_of_the_whole_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(arrays, "_CHUNK_VALUES", 20)
        stored = np.ones((9, 4, 5), np.float32)
        assert read_images(save(tmp_path / "some.npy", stored))[0].images.min() == 255
        stored[8, 3, 4] = -1
        images, note = read_images(save(tmp_path / "some.npy", stored))
        assert note.endswith("in [-1, 1]")
        assert np.unique(images.images).tolist() == [0, 255]
        stored[8, 3, 4] = 255
        images, note = read_images(save(tmp_path / "some.npy", stored))
        assert note.endswith("in [0, 255]")
        assert np.unique(images.images).tolist() == [1, 255]

    @pytest.mark.parametrize(
        ("low", "high", "range_"),
        [
            (-1e-6, 1 + 1e-6, "[0, 1]"),
            (-1 - 1e-6, 1 + 1e-6, "[-1, 1]"),
            (-0.01, 1.0, "[-1, 1]"),
            (-1e-3, 255.2, "[0, 255]"),
            (0.0, 0.0, "[0, 1]"),
            (-1.0, -1.0, "[-1, 1]"),
            (100.0, 120.0, "[0, 255]"),
        ],
    )
    def test_rounding_beyond_a_range(self, tmp_path: Path, low: float, high: float, range_: str) -> None:
        stored = np.array([[[low, high]]])
        images, note = read_images(save(tmp_path / "some.npy", stored))
        assert note.endswith(f"in {range_}")
        ends = {"[0, 1]": (0, 1), "[-1, 1]": (-1, 1), "[0, 255]": (0, 255)}[range_]
        expected = (stored.clip(*ends) - ends[0]) / (ends[1] - ends[0]) * 255
        assert np.array_equal(images.images[0], np.rint(expected))

    @pytest.mark.parametrize("shape", [(2, 1, 4, 3), (2, 3, 4, 1), (2, 1, 1, 1)])
    def test_channels_come_first_where_both_fit(self, tmp_path: Path, shape: tuple[int, ...]) -> None:
        stored = np.arange(math.prod(shape), dtype=np.uint8).reshape(shape)
        images, note = read_images(save(tmp_path / "some.npy", stored))
        assert np.array_equal(images.images, stored)
        assert "read as (N, C, H, W), though also fit for (N, H, W, C) in" in note

    def test_the_fingerprint_is_that_of_the_images(self, tmp_path: Path) -> None:
        original = pixels()
        first, _ = read_images(save(tmp_path / "a.npy", original))
        second, _ = read_images(save(tmp_path / "b.npz", original.transpose(0, 2, 3, 1) / 255))
        assert first.fingerprint == second.fingerprint
        third, _ = read_images(save(tmp_path / "a.npy", original ^ 1))
        assert third.fingerprint != first.fingerprint


class TestChunks:
    @pytest.mark.parametrize("values", [1, 2, 13, 35, 106, 400])
    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("by_columns", [False, True])
    def test_their_size_changes_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: int, layout: str, by_columns: bool
    ) -> None:
        original = pixels(n=3, channels=LAYOUTS[layout][0], height=4)
        stored = laid_out(original, layout) / 127.5 - 1
        path = save(tmp_path / "some.npz", np.asfortranarray(stored) if by_columns else stored)
        whole = read_images(path)
        monkeypatch.setattr(arrays, "_CHUNK_VALUES", values)
        parts = read_images(path)
        assert torch.equal(parts[0].images, whole[0].images)
        assert np.array_equal(whole[0].images, original)
        assert parts[1] == whole[1]

    @pytest.mark.parametrize("suffix", [".npy", ".npz"])
    @pytest.mark.parametrize("by_columns", [False, True])
    def test_a_file_of_floats_is_never_whole_in_memory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, by_columns: bool
    ) -> None:
        stored = np.zeros((400, 28, 28, 3))  # 7.5 MB, 0.9 MB as bytes
        path = save(tmp_path / f"some{suffix}", np.asfortranarray(stored) if by_columns else stored)
        read_images(path)
        monkeypatch.setattr(arrays, "_CHUNK_VALUES", 10_000)
        tracemalloc.start()
        try:
            read_images(path)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 1_900_000


class TestKeys:
    @pytest.mark.parametrize("suffix", ["", "_compressed"])
    @pytest.mark.parametrize(
        ("keys", "chosen"),
        [
            (["labels", "arr_0", "samples", "images"], "images"),
            (["arr_0", "labels", "samples"], "samples"),
            (["mu", "arr_0", "arr_1", "sigma"], "arr_0"),
            (["fakes"], "fakes"),
            (["a/b c"], "a/b c"),
            ([""], ""),
        ],
    )
    def test_which_array_is_read(self, tmp_path: Path, keys: list[str], chosen: str, suffix: str) -> None:
        sets: dict[str, Any] = {key: pixels(seed=i) if key == chosen else np.zeros(3) for i, key in enumerate(keys)}
        getattr(np, f"savez{suffix}")(tmp_path / "some.npz", **sets)
        images, note = read_images(tmp_path / "some.npz")
        assert np.array_equal(images.images, sets[chosen])
        assert note.startswith(f"{chosen}: " if chosen else "uint8 (6, 3, 5, 7), ")

    def test_none_says_that_it_holds_the_images(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "some.npz", real=pixels(), fake=pixels())
        told = refused(tmp_path / "some.npz")
        assert "it holds real, fake\n" in told
        assert "choices: images, samples, arr_0\n" in told

    def test_many_names_are_cut(self, tmp_path: Path) -> None:
        names: dict[str, Any] = {f"image_{i}": np.zeros(1) for i in range(100)}
        np.savez(tmp_path / "some.npz", **names)
        told = refused(tmp_path / "some.npz")
        assert "image_0, image_1, " in told
        assert "[...]" in told
        assert len(told) < 500

    @pytest.mark.parametrize("members", [[], ["data.pkl", "images.npy.txt"]])
    def test_an_archive_without_arrays(self, tmp_path: Path, members: list[str]) -> None:
        with zipfile.ZipFile(tmp_path / "some.npz", "w") as archive:
            for member in members:
                archive.writestr(member, b"x")
        assert "it holds no arrays" in refused(tmp_path / "some.npz")

    def test_the_content_tells_the_format(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "some.npz", images=pixels())
        renamed = (tmp_path / "some.npz").rename(tmp_path / "some.npy")
        assert np.array_equal(read_images(renamed)[0].images, pixels())


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
