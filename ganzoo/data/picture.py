"""Picture files as tensors. Importing this module does not import torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from ganzoo.errors import DataCorruptError

if TYPE_CHECKING:
    from torch import Tensor

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif")

_GREY = ("1", "L", "LA", "La", "I", "F")
_ORIENTATION = 0x0112


def is_image(name: str) -> bool:
    """Whether a file of this name is taken for a picture: by its suffix, and unless it is hidden."""
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def decode(path: Path) -> Tensor:
    """The image in a file, uint8 (C, H, W), C 1 or 3: the first frame, upright, transparency laid over black.

    Raises:
        DataCorruptError: the file cannot be read as an image.
    """
    import numpy as np
    import torch

    try:
        with Image.open(path) as image:
            pixels = np.array(_plain(image))  # a copy: torch wants memory that it may write to
    except Exception as error:  # what Pillow raises for a damaged file differs from format to format
        raise _unreadable(path, error) from None
    return torch.from_numpy(pixels if pixels.ndim == 3 else pixels[..., None]).permute(2, 0, 1)


def read_header(path: Path) -> tuple[bool, int, int]:
    """Whether the image in a file is grey, its height and its width, without decoding it."""
    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = _orientation(image) >= 5
            return _is_grey(image), width if turned else height, height if turned else width
    except Exception as error:
        raise _unreadable(path, error) from None


def _plain(image: Image.Image) -> Image.Image:
    """``image`` as 8-bit grey or RGB."""
    if _orientation(image) > 1:
        image = ImageOps.exif_transpose(image)
    grey = _is_grey(image)
    if image.mode.startswith("I"):  # 16 bits, which convert("L") would clip instead of scale
        image = image.convert("I").point(lambda value: value / 257)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return image.convert("L" if grey else "RGB")


def _orientation(image: Image.Image) -> int:
    """How a photograph was held (EXIF); asked of JPEG alone, since others would be decoded to answer."""
    return int(image.getexif().get(_ORIENTATION, 1)) if image.format in ("JPEG", "MPO") else 1


def _is_grey(image: Image.Image) -> bool:
    return image.mode in _GREY or image.mode.startswith("I;")


def _unreadable(path: Path, error: Exception) -> DataCorruptError:
    return DataCorruptError(f"{path} cannot be read as an image: {error}", fix="remove it or replace it by a good copy")
