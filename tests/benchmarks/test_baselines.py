"""The plain loops train, on the networks, weights and batches of ganzoo."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from ganzoo.config import RunConfig
from ganzoo.errors import ConfigError
from ganzoo.training.session import Session

from .conftest import load

contest = load("baselines.contest")
common = load("baselines.common")
CASES = sorted(contest.CASES)
CPU = torch.device("cpu")


def config(case: str, **data: object) -> RunConfig:
    """A config of ``case`` with a small batch, on 8 x 8 digits unless ``data`` says otherwise."""
    training = {"batch_size": 8, "device": "cpu", "threads": 1, "engine": "eager"}
    return contest.case_config(case, training, data or {"dataset": "digits"})


def counted(loader: object, seen: list[int]):
    """The batches of ``loader``, whose sizes are added to ``seen``."""
    for batch in loader:
        seen.append(len(batch[0]))
        yield batch


@pytest.mark.parametrize("case", CASES)
def test_the_loop_trains_both_players_on_as_many_images_as_ganzoo_draws(case: str, small_mnist: Path) -> None:
    settings = config(case, dataset="mnist")
    nets, seen = common.networks(settings, CPU), []
    # Not the vectors: a critic's last bias, equal for real and fake, has no gradient.
    weights = [weight for net in nets for weight in net.parameters() if weight.ndim > 1]
    before = [weight.clone() for weight in weights]
    batches = counted(common.mnist_loader(small_mnist, 8), seen)
    loop = contest.CASES[case][1](*nets, batches, settings.options, CPU)
    losses = loop.iterate()
    assert {"d", "g"} <= losses.keys()
    assert all(math.isfinite(value) for value in losses.values())
    assert not any(torch.equal(old, new) for old, new in zip(before, weights, strict=True))
    assert sum(seen) == common.images_per_iteration(settings)


@pytest.mark.parametrize("case", CASES)
def test_ganzoo_starts_from_the_same_weights_and_draws_as_many_images(case: str) -> None:
    settings = config(case)
    with (session := Session(settings)).batcher as batcher:
        theirs = session.engine.exported.state_dict()
        ours = common.networks(settings, CPU)[0].state_dict()
        assert theirs.keys() == ours.keys()
        assert all(torch.equal(theirs[name], ours[name]) for name in ours)
        contender = contest.ganzoo("ganzoo", session)
        contender.run(3)
        assert batcher.drawn == 3 * contender.images


def test_each_is_timed_under_what_holds_when_it_trains(small_mnist: Path) -> None:
    now = contest.Settings.now()
    theirs = contest.plain("vanilla", config("vanilla", dataset="mnist", data_dir=small_mnist), now, CPU)
    assert not theirs.settings.flush_denormals
    with (session := Session(config("vanilla"))).batcher:
        assert contest.Settings.now() == now
        ours = contest.ganzoo("ganzoo", session)
    assert ours.settings.flush_denormals


@pytest.mark.parametrize("case", CASES)
def test_both_have_the_same_discriminator(case: str) -> None:
    settings = config(case)
    with (session := Session(settings)).batcher:
        theirs = session.engine.game.discriminator
        ours = common.networks(settings, CPU)[1]
    assert repr(theirs) == repr(ours)
    assert all(torch.equal(a, b) for a, b in zip(theirs.parameters(), ours.parameters(), strict=True))


def test_the_loop_keeps_torchs_own_memory_format_and_precision() -> None:
    for net in common.networks(config("dcgan"), CPU):
        for weight in net.parameters():
            assert weight.dtype == torch.float32
            assert weight.is_contiguous()


@pytest.mark.parametrize("detached", [False, True])
def test_the_critics_step_reaches_the_generator_unless_it_is_spared(detached: bool, small_mnist: Path) -> None:
    settings = config("wgan-gp-mlp", dataset="mnist")
    nets = common.networks(settings, CPU)
    loader = common.mnist_loader(small_mnist, 8)
    loop = contest.CASES["wgan-gp-mlp"][1](*nets, loader, settings.options, CPU, detached=detached)
    reached = []
    loop.optimizer_d.step = lambda: reached.append(next(nets[0].parameters()).grad is not None)  # type: ignore
    loop.iterate()
    assert reached == [not detached] * 5


def test_the_penalty_is_zero_for_a_critic_of_slope_one(small_mnist: Path) -> None:
    settings = config("wgan-gp-mlp", dataset="mnist")
    nets = common.networks(settings, CPU)
    loader = common.mnist_loader(small_mnist, 8)
    loop = contest.CASES["wgan-gp-mlp"][1](*nets, loader, settings.options, CPU)
    slope = torch.nn.functional.normalize(torch.randn(784), dim=0)
    for scale, expected in ((1.0, 0.0), (3.0, 4.0)):
        loop.discriminator = lambda images, scale=scale: images.flatten(1) @ (scale * slope)
        penalty = loop.gradient_penalty(torch.randn(8, 1, 28, 28), torch.randn(8, 1, 28, 28))
        assert penalty.item() == pytest.approx(expected, abs=1e-5)


def test_the_loader_gives_whole_batches_in_range(small_mnist: Path) -> None:
    loader = common.mnist_loader(small_mnist, 16)
    images = [images for images, _ in loader]
    assert [each.shape for each in images] == [(16, 1, 28, 28)] * 2
    assert (min(each.min() for each in images), max(each.max() for each in images)) == (-1, 1)


def test_a_batch_larger_than_the_data_is_refused(small_mnist: Path) -> None:
    with pytest.raises(ConfigError, match="--batch-sizes 41 is more than the 40 images"):
        common.mnist_loader(small_mnist, 41)
