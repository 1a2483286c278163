"""Grids of images as pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ganzoo.data.convert import to_pixels

_GAP = 2
_LEAST = 56
_BACKGROUND = 32
_CAPTION = 12


def make_grid(images: Tensor, *, labels: Sequence[str] | None = None, columns: int | None = None) -> Image.Image:
    """Lay out images (N, C, H, W) in [-1, 1], row by row, as one picture.

    Args:
        images: C is 1 or 3; values outside [-1, 1] are clipped.
        labels: a caption under each image.
        columns: images in a row; about as many as rows if None.

    Raises:
        ValueError: another shape, or another number of labels than of images.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3) or len(images) == 0:
        raise ValueError(f"images have the shape {tuple(images.shape)}; a grid takes (N, 1 or 3, H, W) with N > 0")
    if labels is not None and len(labels) != len(images):
        raise ValueError(f"{len(labels)} labels were given for {len(images)} images")
    tiles = _tiles(images)
    n, height, width = tiles.shape[:3]
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    step_x, step_y = width + _GAP, height + _GAP + (_CAPTION if labels else 0)
    grid = Image.new("RGB", (columns * step_x + _GAP, rows * step_y + _GAP), (_BACKGROUND,) * 3)
    draw, font = ImageDraw.Draw(grid), ImageFont.load_default(size=_CAPTION - 2)
    for index, tile in enumerate(tiles):
        x, y = _GAP + index % columns * step_x, _GAP + index // columns * step_y
        grid.paste(Image.fromarray(tile.numpy()), (x, y))
        if labels:
            caption = _fit(labels[index], width, font)
            draw.text((x + width // 2, y + height), caption, fill="white", font=font, anchor="ma")
    return grid


def write_grid(images: Tensor, path: Path, *, labels: Sequence[str] | None = None, columns: int | None = None) -> None:
    """Write :func:`make_grid` to ``path``; readers see the old picture or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.tmp")
    picture = make_grid(images, labels=labels, columns=columns)
    picture.save(temporary, format=Image.registered_extensions()[path.suffix.lower()])
    temporary.replace(path)


def _tiles(images: Tensor) -> Tensor:
    """uint8 (N, H, W, 3), each image at least 56 pixels high: smaller ones are enlarged by a whole factor."""
    factor = max(1, math.ceil(_LEAST / images.shape[2]))
    pixels = to_pixels(images).repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    return pixels.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).contiguous()


def _fit(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """``text``, cut where it is wider than an image."""
    while len(text) > 1 and font.getlength(text) > width:
        text = text[:-1]
    return text
