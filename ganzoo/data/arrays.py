"""Images that other programs wrote, in ``.npy`` and ``.npz`` files. Importing this module does not import torch.

The files are streamed and never unpickled. A header is believed only where the file's size agrees with it, so a small
file cannot ask for much memory. ``.npz`` files may name their images ``images`` (as ``ganzoo sample`` does),
``samples`` or ``arr_0`` (as in Dhariwal & Nichol 2021, arXiv:2105.05233, and the reference batches for it).
"""

from __future__ import annotations

import errno
import io
import math
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ganzoo.errors import DataCorruptError, DataError, DataNotFoundError, GanzooError

from .images import ImageSet

KEYS = ("images", "samples", "arr_0")

_CHUNK_VALUES = 1 << 22
_HEADER_BYTES = 1 << 14  # numpy refuses headers of more than 10,000 characters
_INFLATION = {ZIP_STORED: 1, ZIP_DEFLATED: 1032}  # the most bytes that one byte unpacks to
_SLACK = 0.25  # steps of brightness by which rounding may miss a range: too few to change a byte
_DIM = 16.0  # floats that reach no higher are not from [0, 255], but of levels 0 to 16, or from [0, 1] and beyond it
_GREY = -0.5  # floats that fall below 0, and no further than this, are not from [-1, 1], but from [0, 1] and beyond it
_SAVE = "save uint8 images as (N, H, W) or (N, C, H, W) with numpy.save or numpy.savez"
_AGAIN = "write or copy the file again"
_LAYOUTS = {"(N, H, W)": (0, None, 1, 2), "(N, C, H, W)": (0, 1, 2, 3), "(N, H, W, C)": (0, 3, 1, 2)}
"""The axes that are N, C, H and W."""


class Scale(NamedTuple):
    """Values x mean the brightness (x + shift) * factor in [0, 255]."""

    name: str
    shift: float
    factor: float

    def fits(self, low: float, high: float) -> bool:
        """Values from ``low`` to ``high`` mean brightness in [0, 255], but for rounding."""
        return (low + self.shift) * self.factor >= -_SLACK and (high + self.shift) * self.factor <= 255 + _SLACK


BYTES = Scale("[0, 255]", 0.0, 1.0)
UNIT = Scale("[0, 1]", 0.0, 255.0)
SIGNED = Scale("[-1, 1]", 1.0, 127.5)

_SCALES = {"b": (UNIT,), "u": (BYTES,), "i": (BYTES,), "f": (UNIT, SIGNED, BYTES)}
"""What values may mean, by the kind of their type; the first that fits them is taken."""


def read_images(path: Path) -> tuple[ImageSet, str]:
    """The images in a ``.npy`` or ``.npz`` file, without labels.

    Shapes: (N, H, W), (N, C, H, W) and (N, H, W, C), C 1 or 3; where both of the last fit, (N, C, H, W). Values: uint8;
    bool for black and white; other integers in [0, 255]; floats in [-1, 1], [0, 1] or [0, 255], told apart by their
    range over the whole file and rounded as :func:`~ganzoo.data.convert.to_pixels` rounds. Floats of which none is
    negative count as [0, 1] if they fit that. What fits nothing well is refused: floats in (1, 16], floats that fall
    below 0 and nowhere below -0.5, and integers of which none is above 1.

    Returns:
        The images, uint8 (N, C, H, W), and how the file was read, in a line for the user.

    Raises:
        DataNotFoundError: there is no such file.
        DataCorruptError: the file is damaged, or no file of numpy's.
        DataError: another shape or type, no images, values out of range or not finite, a file that cannot be opened, or
            images that outgrow memory.
    """
    import torch

    array = _find(path)
    dtype, shape = array.header.dtype, array.header.shape
    layout, axes = _layout(array)
    scale = _scale(array)
    try:
        pixels = np.empty([1 if axis is None else shape[axis] for axis in axes], np.uint8)
    except MemoryError as error:
        raise DataError(f"{array} outgrows memory: {error}", fix="put fewer images into a file") from None
    # The same memory, with the axes of the file.
    target = pixels[:, 0] if len(shape) == 3 else pixels.transpose([axes.index(axis) for axis in range(4)])
    for where, part in array.chunks():
        target[where] = _to_bytes(part, scale)
    if scale is BYTES and pixels.max() == 1:
        fix = "save black and white as bool, and brightness up to 255"
        problem = f"{array} holds {dtype} from 0 to 1, too dark for [0, 255]"
        raise DataError(problem, choices=("bool", BYTES.name), fix=fix)
    key = f"{array.key}: " if array.key else ""
    return ImageSet(torch.from_numpy(pixels)), f"{key}{dtype} {shape}, read as {layout} in {scale.name}"


class Header(NamedTuple):
    """What stands before the values, in ``size`` bytes; ``by_columns`` is Fortran's order, the first axis fastest."""

    shape: tuple[int, ...]
    by_columns: bool
    dtype: np.dtype[Any]
    size: int


@dataclass(frozen=True)
class _Array:
    """One array of a file: in a ``.npz`` under ``key``, in a ``.npy`` alone; ``size`` bytes with its header."""

    path: Path
    size: int
    key: str | None = None

    def __str__(self) -> str:
        return str(self.path) if self.key is None else f"{self.path}[{self.key!r}]"

    @cached_property
    def header(self) -> Header:
        """The header, once the size of the file agrees with it; that of values which are no numbers is refused."""
        with self._open() as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of numpy, on files from Python 2
            header = _parse(stream.read(_HEADER_BYTES))
        if header.dtype.kind not in _SCALES:
            kind = "Python objects, which are never unpickled" if header.dtype.hasobject else str(header.dtype)
            raise DataError(f"{self} holds {kind}", choices=("uint8", "bool", "integers", "floats"), fix=_SAVE)
        whole = header.size + math.prod(header.shape) * header.dtype.itemsize
        if self.size != whole:
            raise DataCorruptError(f"{self} is not whole: {self.size:,} bytes, expected {whole:,}", fix=_AGAIN)
        return header

    def chunks(self) -> Iterator[tuple[tuple[Any, ...], NDArray[Any]]]:
        """Parts of at most ``_CHUNK_VALUES`` values, in the order of the file, each after its index in the array."""
        shape, by_columns, dtype, size = self.header
        with self._open() as stream:
            stream.read(size)
            for slab in _slabs(shape[::-1] if by_columns else shape):
                lengths = [part.stop - part.start for part in slab]
                data = stream.read(math.prod(lengths) * dtype.itemsize)
                part = np.frombuffer(data, np.uint8 if dtype.kind == "b" else dtype).reshape(lengths)
                yield (slab[::-1], part.T) if by_columns else (slab, part)

    @contextmanager
    def _open(self) -> Iterator[IO[bytes]]:
        with _reading(self.path), self.path.open("rb") as file:
            if self.key is None:
                yield file
            else:
                with ZipFile(file) as archive, archive.open(f"{self.key}.npy") as stream:
                    yield stream


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever goes wrong inside is the file's fault, and becomes one of ganzoo's errors."""
    try:
        yield
    except GanzooError:
        raise
    except FileNotFoundError:
        raise DataNotFoundError(f"{path} does not exist", fix="check the path") from None
    except Exception as error:  # zipfile, zlib, ast and numpy raise a dozen kinds on a damaged file
        # EINVAL: zipfile seeks to where a damaged archive points, before the start of the file.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            fix = "check its permissions and the disk"
            raise DataError(f"{path} cannot be read: {error.strerror}", fix=fix) from None
        reason = textwrap.shorten(str(error), 120) or type(error).__name__
        raise DataCorruptError(f"{path} is damaged, or no file of numpy's: {reason}", fix=_AGAIN) from None


def _find(path: Path) -> _Array:
    """The array that holds the images."""
    with _reading(path):
        size = path.stat().st_size
        if not path.is_file():
            raise DataError(f"{path} is not a file", fix="name a .npy or .npz file")
        with path.open("rb") as file:
            start = file.read(6)
        if not start.startswith(b"PK"):
            return _Array(path, size)
        with ZipFile(path) as archive:
            members = {i.filename.removesuffix(".npy"): i for i in archive.infolist() if i.filename.endswith(".npy")}
    key = _choose(path, tuple(members))
    packed, unpacked, method = members[key].compress_size, members[key].file_size, members[key].compress_type
    array = _Array(path, unpacked, key)
    if method not in _INFLATION:
        raise DataError(f"{array} is packed by zip method {method}, not deflate", fix="use numpy.savez_compressed")
    if packed > size or unpacked > packed * _INFLATION[method]:
        raise DataCorruptError(f"{array} is damaged: no {packed:,} bytes unpack to {unpacked:,}", fix=_AGAIN)
    return array


def _choose(path: Path, keys: tuple[str, ...]) -> str:
    known = [key for key in KEYS if key in keys]
    if known or len(keys) == 1:
        return (known or keys)[0]
    found = textwrap.shorten(", ".join(keys), 200) or "no arrays"
    raise DataError(f"{path} has no array of images: it holds {found}", choices=KEYS, fix="rename the one with images")


def _parse(data: bytes) -> Header:
    """The header of a ``.npy`` file that begins with ``data``."""
    stream = io.BytesIO(data)
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"version {version} of the format is unknown")
    # Version 3 is version 2 with names in UTF-8; it has names only for records, which are refused.
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, by_columns, dtype = read(stream)
    if len(shape) > 64 or not all(0 <= n < 1 << 63 for n in shape):
        raise ValueError("its shape is impossible")
    return Header(tuple(int(n) for n in shape), by_columns, dtype, stream.tell())


def _layout(array: _Array) -> tuple[str, tuple[int | None, ...]]:
    """What the axes of the array are, in words, and which of them are N, C, H and W."""
    shape = array.header.shape
    if 0 in shape:
        raise DataError(f"{array} holds no images: its shape is {shape}", fix=_SAVE)
    if len(shape) == 3 and shape[2] in (1, 3):
        raise DataError(f"{array} has shape {shape}, which is one image, not N", choices=_LAYOUTS, fix=_SAVE)
    deep = [name for name in _LAYOUTS if name.count(",") + 1 == len(shape)]
    fitting = [name for name in deep if (axis := _LAYOUTS[name][1]) is None or shape[axis] in (1, 3)]
    if not fitting:
        raise DataError(f"{array} has shape {shape}", choices=(*_LAYOUTS, "with C 1 or 3"), fix=_SAVE)
    return ", though also fit for ".join(fitting), _LAYOUTS[fitting[0]]


def _scale(array: _Array) -> Scale:
    """What the values mean, by their range over the whole file."""
    dtype = array.header.dtype
    if dtype == np.uint8:
        return BYTES
    ends = [(float(part.min()), float(part.max())) for _, part in array.chunks()]
    low, high = float(np.min(ends)), float(np.max(ends))  # either is NaN if any value is
    scale = next((scale for scale in _SCALES[dtype.kind] if scale.fits(low, high)), None)
    doubt = ""
    if scale is BYTES and dtype.kind == "f" and high <= _DIM:
        doubt = ", too dark for [0, 255]"
    if scale is SIGNED and low > _GREY:
        doubt = ", too bright for [-1, 1]"
    if scale is None or doubt:
        clip = "bring the values to one of these ranges, and clip what lies beyond"
        fix = clip if math.isfinite(low) and math.isfinite(high) else "leave out the images that are not finite"
        choices = [scale.name for scale in _SCALES[dtype.kind]]
        raise DataError(f"{array} holds {dtype} from {low:g} to {high:g}{doubt}", choices=choices, fix=fix)
    return scale


def _slabs(shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Indices, one slice an axis, that part an array of ``shape`` in the order of its values."""
    inner = math.prod(shape[1:])
    step = max(1, _CHUNK_VALUES // inner)
    for start in range(0, shape[0], step):
        head = slice(start, min(start + step, shape[0]))
        if inner > _CHUNK_VALUES:
            yield from ((head, *rest) for rest in _slabs(shape[1:]))
        else:
            yield (head, *(slice(0, n) for n in shape[1:]))


def _to_bytes(part: NDArray[Any], scale: Scale) -> NDArray[np.uint8]:
    """uint8 in [0, 255]; in float32 between, as in :func:`~ganzoo.data.convert.to_pixels`, so that both round alike."""
    if part.dtype == np.uint8 and scale is BYTES:
        return part
    levels = part.astype(np.float32)
    levels += np.float32(scale.shift)
    levels *= np.float32(scale.factor)
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)
