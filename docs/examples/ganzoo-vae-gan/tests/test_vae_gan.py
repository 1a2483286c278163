"""The game holds to the contract, and its terms are those of the paper."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from ganzoo.data import DataInfo
from ganzoo.errors import ConfigError
from ganzoo.game import Batch, Turn
from ganzoo.testing import parametrize_with_checks

from ganzoo_vae_gan.plugin import VAEGANOptions
from ganzoo_vae_gan.vae_gan import VAEGAN, build

DATA = DataInfo(name="noise", channels=1, height=4, width=4)


@parametrize_with_checks(["vae-gan"])
def test_conforms(check: Callable[[], None]) -> None:
    check()


@pytest.fixture
def game() -> VAEGAN:
    return build(VAEGANOptions(latent_dim=3, width=8), None, DATA)


@pytest.fixture
def turn() -> Turn:
    return Turn(Batch(images=torch.zeros(5, 1, 4, 4)), torch.Generator(), torch.tensor(0), ("d", "g", "e"))


def test_the_divergence_of_the_prior_itself_is_zero(game: VAEGAN, turn: Turn) -> None:
    for weight in game.encoder.parameters():
        torch.nn.init.zeros_(weight)
    assert game.encoder_terms(turn)["kl"] == 0


def test_players_see_the_same_reconstructions(game: VAEGAN, turn: Turn) -> None:
    assert torch.equal(game.rebuilt(turn), game.rebuilt(turn))


def test_labels_are_refused(game: VAEGAN) -> None:
    with pytest.raises(ConfigError, match="labels was given"):
        game.request(2, torch.Generator(), Batch(labels=torch.zeros(2, dtype=torch.int64)))
