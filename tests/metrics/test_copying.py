"""Copies of training images against cases worked out by hand. The reference of scipy is in test_builtin."""

from __future__ import annotations

import math

import pytest
import torch

from ganzoo.errors import ConfigError
from ganzoo.metrics import distances
from ganzoo.metrics.copying import nearest_training
from ganzoo.metrics.distances import nearest


def normal(n: int, dim: int = 8, *, seed: int = 0, far: float = 0.0) -> torch.Tensor:
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed)) + far


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(-1, 1)


def test_by_hand() -> None:
    training = column(0, 10)
    # Distances 1, 2, 2, 4 of the samples and 2, 3 of the unseen: of eight pairs, three and two in ties for 2, and
    # three for 3, have the sample nearer.
    found = nearest_training(column(1, 2, 8, 14), column(-2, 13), training)
    assert found.copying == pytest.approx((1 + 2 / 2 + 3) / 8)
    assert found.ratio == pytest.approx(2 / 2.5)


def test_copies_are_nearer_than_all_unseen_images() -> None:
    training = normal(200)
    assert nearest_training(training[:50], normal(60, seed=1), training) == (1.0, 0.0)


def test_unseen_images_are_no_copies() -> None:
    unseen = normal(60, seed=1)
    assert nearest_training(unseen, unseen, normal(200)) == (0.5, 1.0)
    other = nearest_training(normal(500, seed=2), normal(500, seed=1), normal(200))
    assert other.copying == pytest.approx(0.5, abs=0.06)  # three standard errors


def test_samples_far_from_all_data_are_no_copies() -> None:
    found = nearest_training(normal(50, far=100), normal(60, seed=1), normal(200))
    assert found.copying == 0
    assert found.ratio > 10


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_share_of_copies_is_seen(share: float) -> None:
    training, unseen = normal(500), normal(400, seed=1)
    copies = int(share * 400)
    found = nearest_training(torch.cat([training[:copies], unseen[copies:]]), unseen, training)
    # A copy is nearer than every unseen image; the others are like them.
    assert found.copying == pytest.approx(share + (1 - share) / 2, abs=0.02)


def test_copies_on_both_sides_are_ties_to_the_bit() -> None:
    training = normal(300, 40, far=1e3)  # so that a matrix product leaves rounding
    found = nearest_training(training[:77], training[100:220], training)
    assert found == (0.5, math.inf)


def test_a_copy_is_at_no_distance_whatever_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = normal(31, far=50), normal(47, seed=1, far=50)
    expected = torch.cdist(x.double(), y.double()).amin(1)
    monkeypatch.setattr(distances, "_ELEMENTS", 7 * 47)
    torch.testing.assert_close(nearest(x, y, centre=y.mean(0)).sqrt(), expected, rtol=1e-10, atol=0)
    assert not nearest(y[5:], y, centre=y.mean(0)).any()


@pytest.mark.parametrize(
    ("fake", "unseen", "training", "message"),
    [
        (normal(9, 2), normal(9, 3), normal(9, 3), "different lengths, 3 and 2"),
        (normal(9, 3), normal(9, 3), normal(9, 2), "different lengths, 2 and 3"),
        (normal(1), normal(9), normal(9), "the smaller set has 1 samples"),
        (normal(9), normal(1), normal(9), "the smaller set has 1 samples"),
        (normal(9), normal(9), normal(1), "the smaller set has 1 samples"),
    ],
)
def test_what_does_not_fit_is_told(
    fake: torch.Tensor, unseen: torch.Tensor, training: torch.Tensor, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        nearest_training(fake, unseen, training)
