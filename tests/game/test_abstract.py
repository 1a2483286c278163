"""The contracts are enforced by Python, and not by hope."""

from __future__ import annotations

from abc import ABC

import pytest
import torch
from torch import Tensor

from ganzoo import game
from ganzoo.game import Discriminator, FeatureDiscriminator, Game, Generator, Loss, Penalty

ABSTRACT: list[type[ABC]] = [Game, Generator, Discriminator, FeatureDiscriminator, Loss, Penalty]


@pytest.mark.parametrize("kind", ABSTRACT, ids=lambda kind: kind.__name__)
def test_an_abstract_class_cannot_be_built(kind: type[ABC]) -> None:
    incomplete = type("Incomplete", (kind,), {})
    with pytest.raises(TypeError, match="abstract"):
        incomplete(3) if kind is Generator else incomplete()


@pytest.mark.parametrize(
    ("kind", "methods"),
    [
        (Generator, {"forward"}),
        (Discriminator, {"forward"}),
        (FeatureDiscriminator, {"features", "score"}),
        (Loss, {"discriminator", "generator"}),
        (Penalty, {"points", "terms"}),
        (Game, {"players", "rounds", "exported", "request", "generate"}),
    ],
)
def test_what_an_author_must_write_is_this_and_no_more(kind: type[ABC], methods: set[str]) -> None:
    assert kind.__abstractmethods__ == methods


def test_the_rules_stand_where_an_author_reads_them() -> None:
    assert game.__doc__ is not None
    assert all(f"\n{number}. " in game.__doc__ for number in range(1, 6))


def test_every_public_name_is_documented() -> None:
    undocumented = [name for name in game.__all__ if not getattr(game, name).__doc__ and name not in ("Terms", "Plan")]
    assert undocumented == []


def test_a_feature_discriminator_scores_its_features(rng: torch.Generator) -> None:
    class Sum(FeatureDiscriminator):
        feature_dim = 2

        def features(self, images: Tensor) -> Tensor:
            return images.flatten(1)[:, :2]

        def score(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
            return features.sum(dim=1) + (0 if labels is None else labels)

    images = torch.randn(3, 1, 2, 2, generator=rng)
    labels = torch.tensor([1, 2, 3])
    assert torch.equal(Sum(classes=4)(images, labels), images.flatten(1)[:, :2].sum(dim=1) + labels)
    assert torch.equal(Sum()(images), images.flatten(1)[:, :2].sum(dim=1))


def test_the_default_latent_is_standard_normal_and_repeats_with_its_generator() -> None:
    class Constant(Generator):
        def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
            return latent.new_zeros(len(latent), 1, 2, 2)

    network = Constant(5)
    first, again = (network.sample_latent(4000, torch.Generator().manual_seed(3), device="cpu") for _ in range(2))
    assert first.shape == (4000, 5)
    assert torch.equal(first, again)
    assert first.mean().abs() < 0.05
    assert (first.std() - 1).abs() < 0.05
