"""Pixels from one form to another."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganzoo.data.convert import convert, luma, normalise, resample, to_pixels
from ganzoo.errors import NonFiniteError


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def test_normalising_meets_both_ends_and_the_formula() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    values = normalise(levels)
    assert values.dtype == torch.float32
    assert values[0].item() == -1.0
    assert values[255].item() == 1.0
    assert torch.allclose(values.double(), levels.double() / 127.5 - 1, atol=1e-7)


def test_normalising_leaves_its_input_alone() -> None:
    images = noise(2, 1, 4, 4)
    before = images.clone()
    normalise(images)
    assert torch.equal(images, before)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_no_pixel_shows_a_value_that_is_not_finite(broken: float) -> None:
    images = torch.zeros(2, 1, 2, 2)
    images[1, 0, 0, 1] = broken
    with pytest.raises(NonFiniteError, match="1 of 8 values of the images are NaN or infinite"):
        to_pixels(images)


def test_nothing_to_do_costs_nothing() -> None:
    images = noise(2, 3, 8, 8)
    assert convert(images, (3, 8, 8)) is images


def test_28_to_32_is_a_black_border_that_32_to_28_takes_off() -> None:
    images = noise(3, 1, 28, 28)
    padded = convert(images, (1, 32, 32))
    assert torch.equal(padded[:, :, 2:30, 2:30], images)
    assert padded.sum() == images.sum()
    assert torch.equal(convert(padded, (1, 28, 28)), images)


@pytest.mark.parametrize(("side", "channels"), [(8, 1), (18, 3), (28, 1)])
def test_a_border_of_what_is_returned_is_black(side: int, channels: int) -> None:
    images = noise(3, channels, side, side)
    framed = convert(images, (1, 28, 28), 5)
    assert framed.shape == (3, 1, 28, 28)
    assert torch.equal(framed[:, :, 5:23, 5:23], convert(images, (1, 18, 18)))
    assert framed.sum() == framed[:, :, 5:23, 5:23].sum()


@pytest.mark.parametrize(
    ("colour", "grey"), [((255, 255, 255), 255), ((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29)]
)
def test_grey_is_the_luma_of_bt601(colour: tuple[int, int, int], grey: int) -> None:
    images = torch.tensor(colour, dtype=torch.uint8).view(1, 3, 1, 1)
    assert luma(images).item() == grey


def test_luma_is_what_pillow_makes_to_one_level() -> None:
    from PIL import Image

    images = noise(1, 3, 32, 32)
    pillow = torch.tensor(np.array(Image.fromarray(images[0].permute(1, 2, 0).numpy()).convert("L")).flatten())
    assert (luma(images).flatten().int() - pillow).abs().max() <= 1


def test_grey_to_colour_repeats_and_comes_back() -> None:
    images = noise(4, 1, 8, 8)
    colour = convert(images, (3, 8, 8))
    assert all(torch.equal(colour[:, channel], images[:, 0]) for channel in range(3))
    assert torch.equal(convert(colour, (1, 8, 8)), images)


def test_resampling_keeps_constants_and_means() -> None:
    constant = torch.full((1, 3, 40, 40), 77, dtype=torch.uint8)
    assert torch.equal(resample(constant, 16, 16), torch.full((1, 3, 16, 16), 77, dtype=torch.uint8))
    images = noise(1, 1, 64, 64)
    assert resample(images, 8, 8).float().mean().item() == pytest.approx(images.float().mean().item(), abs=2)


def test_resampling_is_antialiased() -> None:
    stripes = torch.zeros(1, 1, 64, 64, dtype=torch.uint8)
    stripes[..., ::2] = 255
    inner = resample(stripes, 16, 16)[..., 2:-2]
    assert (inner.int() - 127).abs().max() <= 16  # without antialiasing it would be all black or all white


def test_half_the_size_of_blocks_is_the_blocks() -> None:
    blocks = torch.tensor([[0, 255], [128, 64]], dtype=torch.uint8).view(1, 1, 2, 2)
    large = blocks.repeat_interleave(8, 2).repeat_interleave(8, 3)
    small = resample(large, 4, 4)
    assert small[0, 0, 0, 0] == 0
    assert small[0, 0, 0, 3] == 255
    assert small[0, 0, 3, 0] == 128
    assert small[0, 0, 3, 3] == 64


@pytest.mark.parametrize(("height", "width"), [(20, 60), (60, 20)])
def test_another_aspect_ratio_is_cropped_from_the_centre(height: int, width: int) -> None:
    images = torch.zeros(1, 1, height, width, dtype=torch.uint8)
    images[:, :, height // 2 - 10 : height // 2 + 10, width // 2 - 10 : width // 2 + 10] = 200
    assert torch.equal(convert(images, (1, 10, 10)), torch.full((1, 1, 10, 10), 200, dtype=torch.uint8))


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 32, 32), (1, 17, 17), (3, 64, 64), (1, 28, 28)])
@pytest.mark.parametrize("channels", [1, 3])
def test_one_by_one_gives_the_bits_of_all_at_once(shape: tuple[int, int, int], channels: int) -> None:
    images = noise(7, channels, 28, 28)
    single = torch.cat([convert(images[i : i + 1], shape) for i in range(7)])
    assert torch.equal(convert(images, shape), single)


def test_chunks_give_the_bits_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    images = noise(9, 3, 20, 20)
    whole = resample(images, 12, 12)
    monkeypatch.setattr("ganzoo.data.convert._CHUNK_PIXELS", 2 * 3 * 400)
    assert torch.equal(resample(images, 12, 12), whole)
