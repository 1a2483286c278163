"""Images in the forms of other programs, files of numpy's by hand, and how one is refused."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ganzoo.data.arrays import read_images
from ganzoo.errors import DataError, GanzooError

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
