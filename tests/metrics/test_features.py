"""The offline extractor: what it weighs, what it knows, and what it refuses."""

import os
from pathlib import Path

import pytest
import torch

from ganzoo.data import DataOptions
from ganzoo.data.catalog import find_source
from ganzoo.errors import ConfigError
from ganzoo.metrics.frechet import frechet_distance
from ganzoo.metrics.judge import Judge
from ganzoo.metrics.mnist_cnn import WEIGHTS, load
from ganzoo.metrics.moments import Moments
from ganzoo.metrics.plan import make_plan

REAL = Path(os.environ.get("GANZOO_DATA", "nowhere"))
needs_mnist = pytest.mark.skipif(not (REAL / "MNIST/raw").is_dir(), reason="GANZOO_DATA has no MNIST")


@pytest.fixture(scope="module")
def network():
    return load()


def real(split):
    images = find_source(DataOptions(dataset="mnist", data_dir=REAL, split=split)).load(split)
    return images.images.float() / 127.5 - 1, images.labels


def test_it_is_small_and_frozen(network):
    assert WEIGHTS.stat().st_size <= 2_000_000
    assert not network.training
    assert not any(weight.requires_grad for weight in network.parameters())


def test_the_digest_follows_every_weight(network):
    assert network.digest == load().digest
    other = load()
    other.body[0].weight.view(-1)[0] += 1e-3
    assert other.digest != network.digest


def test_features_do_not_depend_on_the_batch(network):
    images = torch.rand(70, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    all_at_once, in_parts = network.extract(images, batch_size=70), network.extract(images, batch_size=8)
    assert all_at_once.vectors.shape == (70, 96)
    assert all_at_once.logits.shape == (70, 10)
    assert torch.allclose(all_at_once.vectors, in_parts.vectors, atol=1e-4)


@needs_mnist
def test_it_reads_at_least_994_of_1000_test_images(network):
    images, labels = real("test")
    assert (network.extract(images).logits.argmax(1) == labels).float().mean().item() >= 0.994


def test_it_reads_at_least_94_of_100_digits_as_a_judge_shows_them():
    images = find_source(DataOptions(dataset="digits")).load("all")
    judge = Judge(make_plan("digits:all", metrics=["fid"]), (1, 8, 8))
    assert (judge.real.logits.argmax(1) == images.labels).float().mean().item() >= 0.94


@needs_mnist
def test_noise_and_blur_are_farther_from_the_data_than_the_data_from_itself(network):
    images, _ = real("test")
    rng = torch.Generator().manual_seed(0)
    images = images[torch.randperm(len(images), generator=rng)]
    one, two = Moments.of(network.extract(images[:2000]).vectors), network.extract(images[2000:4000]).vectors
    floor = frechet_distance(one, Moments.of(two))
    distances = []
    for noise in (0.1, 0.3, 0.6):
        noisy = (images[2000:4000] + noise * torch.randn(2000, 1, 28, 28, generator=rng)).clamp(-1, 1)
        distances.append(frechet_distance(one, Moments.of(network.extract(noisy).vectors)))
    assert floor < distances[0] < distances[1] < distances[2]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(2, 1, 32, 32), r"takes images of the shape \(N, 1, 28, 28\), not \(2, 1, 32, 32\)"),
        (torch.zeros(2, 3, 28, 28), r"not \(2, 3, 28, 28\)"),
        (torch.zeros(0, 1, 28, 28), r"not \(0, 1, 28, 28\)"),
        (torch.full((2, 1, 28, 28), 255.0), r"pixels lie in \[255, 255\]"),
        (torch.full((2, 1, 28, 28), float("nan")), r"pixels lie in \[nan, nan\]"),
    ],
)
def test_what_it_would_misjudge_is_refused(network, images, message):
    with pytest.raises(ConfigError, match=message):
        network.extract(images)
