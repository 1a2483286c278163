"""The data set is what it says, and the same each time."""

from __future__ import annotations

import pytest
import torch
from ganzoo.data import DataOptions

from ganzoo_shapes.shapes import SIZES, Shapes


@pytest.mark.parametrize("split", ["train", "test"])
def test_images_are_as_the_info_says(split: str) -> None:
    source = Shapes(DataOptions(dataset="shapes"))
    images = source.read(split)
    assert images.images.shape == (SIZES[split], *source.info.shape)
    assert images.labels is not None
    assert images.labels.bincount().tolist() == [SIZES[split] // 2] * 2
    assert images.fingerprint == source.read(split).fingerprint


def test_the_splits_differ() -> None:
    source = Shapes(DataOptions(dataset="shapes"))
    assert not torch.equal(source.read("train").images[:1_000], source.read("test").images)


def test_a_square_fills_more_of_its_box_than_a_circle() -> None:
    images = Shapes(DataOptions(dataset="shapes")).read("test")
    assert images.labels is not None
    circles, squares = ((images.images[images.labels == label] > 0).float().mean().item() for label in (0, 1))
    assert 0.7 < circles / squares < 0.9  # pi / 4, with an edge


def test_other_sizes_and_colours_are_converted_to() -> None:
    source = Shapes(DataOptions(dataset="shapes", image_size=32, channels=3))
    assert source.load("test").images.shape == (1_000, 3, 32, 32)
