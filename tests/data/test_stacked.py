"""StackedMNIST: every channel is a digit of the right split, and the label is the number they write."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
import torch
from pydantic import ValidationError

from ganzoo.data import DataOptions
from ganzoo.data.catalog import find_source
from ganzoo.data.idx import MNIST, IdxSource
from ganzoo.data.stacked import StackedMNIST
from ganzoo.errors import ConfigError

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


@pytest.mark.parametrize("given", [{}, {"stacks": 200}, {"stacks_seed": 0}])
def test_the_usual_draw_stays_what_it_was(
    stacked: type[StackedMNIST], tiny_options: Callable[..., DataOptions], given: dict[str, int]
) -> None:
    source = stacked(tiny_options(**given))
    assert labels(source, "train")[:8] == [239, 106, 847, 520, 948, 701, 429, 151]
    assert labels(source, "test")[:8] == [643, 714, 192, 928, 100, 99, 851, 931]


@pytest.mark.parametrize("count", [1, 17, 300])
def test_fewer_stacks_are_the_first_of_more_and_the_test_split_stays(
    stacked: type[StackedMNIST], tiny_options: Callable[..., DataOptions], count: int
) -> None:
    source, usual = stacked(tiny_options(stacks=count)), stacked(tiny_options())
    assert source.info.sizes == (("train", count), ("test", 50))
    ours, theirs = source.load("train"), usual.load("train")
    shared = min(count, 200)
    assert len(ours) == count
    assert torch.equal(ours.images[:shared], theirs.images[:shared])
    assert ours.fingerprint != theirs.fingerprint
    assert len(source.load("all")) == count + 50
    assert source.load("test").fingerprint == usual.load("test").fingerprint


def test_each_seed_draws_other_stacks_and_the_test_split_stays(
    stacked: type[StackedMNIST], tiny_options: Callable[..., DataOptions]
) -> None:
    sources = [stacked(tiny_options(stacks_seed=seed)) for seed in (0, 1, 2, 2**63 - 1, 1)]
    *others, again = [source.load("train").fingerprint for source in sources]
    assert len(set(others)) == 4
    assert again == others[1]
    assert len({source.load("test").fingerprint for source in sources}) == 1


@pytest.mark.parametrize("given", [{"stacks": 5}, {"stacks_seed": 0}])
def test_what_the_test_split_has_no_use_for_is_refused(
    stacked: type[StackedMNIST], tiny_options: Callable[..., DataOptions], given: dict[str, int]
) -> None:
    name, value = next(iter(given.items()))
    with pytest.raises(ConfigError, match=f"{name} is {value}, and the test split of stacked-mnist") as caught:
        stacked(tiny_options(split="test", **given))
    assert caught.value.fix == "leave it out, or choose --split train"
    assert stacked(tiny_options(split="all", **given)).info.count("test") == 50


@pytest.mark.parametrize("given", [{"stacks": 0}, {"stacks": 1_000_001}, {"stacks_seed": -1}, {"stacks_seed": 2**63}])
def test_what_is_out_of_range_is_refused(given: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match=next(iter(given))):
        DataOptions(dataset="stacked-mnist", **given)


def test_other_sizes_and_a_missing_base(
    stacked: type[StackedMNIST], tiny_options: Callable[..., DataOptions], tmp_path: Path
) -> None:
    assert stacked(tiny_options(image_size=32)).load("test").images.shape == (50, 3, 32, 32)
    assert stacked(tiny_options()).verify().name == "stacked-mnist"
    assert stacked(tiny_options()).place() is not None
    assert stacked(DataOptions(data_dir=tmp_path)).place() is None


def labels(source: StackedMNIST, split: Literal["train", "test"]) -> list[int]:
    found = source.load(split).labels
    assert found is not None
    return found.tolist()


@needs_mnist
@pytest.mark.parametrize(
    ("split", "fingerprint"),
    [
        ("train", "89326eb88fa5cd0167d27ac9ba80503f2d9576f195013c8ff771349f37c48ed5"),
        ("test", "4d12714729ce8ca72ecb31c3980b8359ceeb6a64615a3b275db03189c6cff1a1"),
    ],
)
def test_the_real_stacks_stay_what_they_were(split: Literal["train", "test"], fingerprint: str) -> None:
    source = find_source(DataOptions(dataset="stacked-mnist", data_dir=REAL))
    assert source.load(split).fingerprint == fingerprint


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
