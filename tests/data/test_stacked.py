"""StackedMNIST: every channel is a digit of the right split, and the label is the number they write."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ganzoo.data import DataOptions
from ganzoo.data.catalog import find_source
from ganzoo.data.idx import MNIST, IdxSource
from ganzoo.data.stacked import StackedMNIST

REAL = Path(os.environ.get("GANZOO_DATA", "nowhere"))
needs_mnist = pytest.mark.skipif(not (REAL / "MNIST/raw").is_dir(), reason="GANZOO_DATA has no MNIST")


@pytest.fixture
def stacked(tiny: type[IdxSource]) -> type[StackedMNIST]:
    class Stacked(StackedMNIST):
        base = tiny
        sizes = (("train", 200), ("test", 50))

    return Stacked


@pytest.mark.parametrize(("split", "count"), [("train", 200), ("test", 50), ("all", 250)])
def test_channels_are_digits_and_labels_the_numbers_they_write(
    stacked: type[StackedMNIST], tiny: type[IdxSource], tiny_options: Callable[..., DataOptions], split: str, count: int
) -> None:
    source = stacked(tiny_options())
    stacks, digits = source.load(split), tiny(tiny_options()).load(split)
    assert stacks.images.shape == (count, 3, 28, 28)
    assert source.info.count(split) == len(stacks) == count
    assert source.info.classes[407] == "407"
    assert stacks.labels is not None
    assert digits.labels is not None
    known = {
        image.numpy().tobytes(): int(label) for image, label in zip(digits.images[:, 0], digits.labels, strict=True)
    }
    for stack, label in zip(stacks.images[:60], stacks.labels[:60].tolist(), strict=False):
        a, b, c = (known[channel.numpy().tobytes()] for channel in stack)
        assert label == 100 * a + 10 * b + c


def test_the_draw_is_always_the_same_and_touches_no_global_stream(
    stacked: type[StackedMNIST], tiny_options: Callable[..., DataOptions]
) -> None:
    before = torch.get_rng_state()
    one, two = (stacked(tiny_options()).load("train") for _ in range(2))
    assert torch.equal(one.images, two.images)
    assert one.fingerprint == two.fingerprint
    assert torch.equal(before, torch.get_rng_state())


def test_other_sizes_and_a_missing_base(
    stacked: type[StackedMNIST], tiny_options: Callable[..., DataOptions], tmp_path: Path
) -> None:
    assert stacked(tiny_options(image_size=32)).load("test").images.shape == (50, 3, 32, 32)
    assert stacked(tiny_options()).verify().name == "stacked-mnist"
    assert stacked(tiny_options()).place() is not None
    assert stacked(DataOptions(data_dir=tmp_path)).place() is None


@needs_mnist
def test_the_real_set_has_all_modes_nearly_evenly() -> None:
    from ganzoo.metrics.classes import count_modes

    source = find_source(DataOptions(dataset="stacked-mnist", data_dir=REAL, split="test"))
    stacks = source.load("test")
    assert stacks.labels is not None
    found = count_modes(torch.nn.functional.one_hot(stacks.labels, 1000) * 100.0)
    assert found.modes == 1000
    # Even draws of 26,000 have 999 / 52,000 = 0.019; MNIST's digits are not quite even.
    assert 0.015 < found.kl < 0.04
    assert source.info.shape == (3, 28, 28)
    assert MNIST(source.options).info.count("test") == 10_000
