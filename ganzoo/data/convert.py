"""Pixels from one form to another: channels, size, and the [-1, 1] that every game works in."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.errors import NonFiniteError

Shape = tuple[int, int, int]

_CHUNK_PIXELS = 1 << 22
"""Input values that are in float32 at a time while resampling: a large set needs little memory beside its own."""


def normalise(images: Tensor) -> Tensor:
    """uint8 (N, C, H, W) in [0, 255] to float32 in [-1, 1]: x / 127.5 - 1. Both ends are met exactly."""
    return images.to(torch.float32).div_(127.5).sub_(1)


def to_pixels(images: Tensor) -> Tensor:
    """uint8 (N, C, H, W) in [0, 255] on the CPU, from images (N, C, H, W) in [-1, 1]; what lies outside is clipped.

    Raises:
        NonFiniteError: a value is NaN or infinite, which no pixel can show.
    """
    images = images.detach().float().cpu()
    if broken := images.numel() - int(images.isfinite().sum()):
        raise NonFiniteError(
            f"{broken:,} of {images.numel():,} values of the images are NaN or infinite",
            fix="the generator has broken: take an earlier checkpoint, or train with a lower learning rate",
        )
    return images.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)


def convert(images: Tensor, shape: Shape, border: int = 0) -> Tensor:
    """Bring images to ``shape``; each one's result does not depend on the others.

    Args:
        images: uint8 (N, C, H, W), C 1 or 3.
        shape: (C, H, W) to bring them to. 3 to 1 is the luma of :func:`luma`, 1 to 3 repeats. 28 x 28 to 32 x 32 adds a
            black border of two pixels, as has been usual for MNIST since LeNet-5, and 32 x 32 to 28 x 28 takes such a
            border off; any other size is resampled by :func:`resample`.
        border: black pixels on each side of what is returned, which has ``shape`` with them.

    Returns:
        uint8 (N, *shape); ``images`` itself where nothing changes.
    """
    channels, height, width = shape
    if border:
        return F.pad(convert(images, (channels, height - 2 * border, width - 2 * border)), (border,) * 4)
    if images.shape[1] == 3 and channels == 1:
        images = luma(images)
    if images.shape[2:] == (28, 28) and (height, width) == (32, 32):
        images = F.pad(images, (2, 2, 2, 2))
    elif images.shape[2:] == (32, 32) and (height, width) == (28, 28):
        images = images[:, :, 2:-2, 2:-2].contiguous()
    elif images.shape[2:] != (height, width):
        images = resample(images, height, width)
    if images.shape[1] == 1 and channels == 3:
        images = images.repeat(1, 3, 1, 1)
    return images


def luma(images: Tensor) -> Tensor:
    """Grey from colour, 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), rounded: uint8 (N, 3, H, W) to uint8 (N, 1, H, W).

    Integer arithmetic in thousandths, so every machine rounds alike.
    """
    red, green, blue = (plane.to(torch.int32) for plane in images.unbind(1))
    grey = (299 * red + 587 * green + 114 * blue + 500) // 1000
    return grey.to(torch.uint8).unsqueeze(1)


def resample(images: Tensor, height: int, width: int) -> Tensor:
    """Antialiased bilinear resampling of the largest centred part that has the new aspect ratio.

    uint8 (N, C, H, W) to uint8 (N, C, height, width).
    """
    images = _crop_to_aspect(images, height, width)
    out = torch.empty((*images.shape[:2], height, width), dtype=torch.uint8)
    step = max(1, _CHUNK_PIXELS // max(1, images[0].numel()))
    for start in range(0, len(images), step):
        part = images[start : start + step].to(torch.float32)
        part = F.interpolate(part, size=(height, width), mode="bilinear", antialias=True)
        out[start : start + step] = part.round_().clamp_(0, 255).to(torch.uint8)
    return out


def _crop_to_aspect(images: Tensor, height: int, width: int) -> Tensor:
    h, w = images.shape[2:]
    keep_h, keep_w = min(h, max(1, round(w * height / width))), min(w, max(1, round(h * width / height)))
    top, left = (h - keep_h) // 2, (w - keep_w) // 2
    return images[:, :, top : top + keep_h, left : left + keep_w]
