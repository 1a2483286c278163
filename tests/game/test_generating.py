"""What a game is asked for images with, and how it makes them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from toys import (
    Logistic,
    TinyDiscriminator,
    TinyGenerator,
    ToyBatcher,
)
from toys.gans import gan

from ganzoo.errors import ConfigError
from ganzoo.game import GAN, Batch, Generator


class TestRequest:
    def test_latents_repeat_with_the_generator(self) -> None:
        game = gan()
        one, two = (game.request(5, torch.Generator().manual_seed(1))["latent"] for _ in range(2))
        assert one.shape == (5, 3)
        assert torch.equal(one, two)

    def test_labels_count_through_the_classes(self, rng: torch.Generator) -> None:
        assert gan(classes=3).request(5, rng)["labels"].tolist() == [0, 1, 2, 0, 1]

    def test_what_was_given_is_kept(self, rng: torch.Generator) -> None:
        given = Batch(labels=torch.tensor([2, 2]), latent=torch.ones(2, 3))
        request = gan(classes=3).request(2, rng, given)
        assert all(torch.equal(request[name], given[name]) for name in given)

    @pytest.mark.parametrize("label", [-1, 3])
    def test_a_label_out_of_range_is_refused(self, rng: torch.Generator, label: int) -> None:
        with pytest.raises(ConfigError, match=rf"labels \[{label}\] name no class") as caught:
            gan(classes=3).request(2, rng, Batch(labels=torch.tensor([0, label])))
        assert caught.value.choices == ("0 to 2",)

    def test_a_label_for_a_game_without_labels_is_refused(self, rng: torch.Generator) -> None:
        with pytest.raises(ConfigError, match="trained without labels"):
            gan().request(1, rng, Batch(labels=torch.tensor([0])))

    def test_a_wrong_number_of_labels_is_refused(self, rng: torch.Generator) -> None:
        with pytest.raises(ConfigError, match="labels was given for 3 images, and 2 were asked for"):
            gan(classes=3).request(2, rng, Batch(labels=torch.tensor([0, 1, 2])))


class ModeGenerator(Generator):
    """Remembers in which mode it was called."""

    def __init__(self) -> None:
        super().__init__(2)
        self.modes: list[bool] = []

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        self.modes.append(self.training)
        if len(latent) > 3:
            raise RuntimeError("too many")
        return latent.new_zeros(len(latent), 1, 4, 4)


class TestGenerate:
    @pytest.mark.parametrize("training", [True, False])
    def test_evaluation_mode_and_back(self, rng: torch.Generator, training: bool) -> None:
        generator = ModeGenerator()
        game = GAN(generator, TinyDiscriminator(), Logistic()).train(training)
        images = game.generate(game.exported(), game.request(2, rng), rng)
        assert images.shape == (2, 1, 4, 4)
        assert images.dtype == torch.float32
        assert generator.modes == [False]
        assert generator.training is training

    def test_the_mode_of_each_part_is_its_own(self, rng: torch.Generator) -> None:
        game = gan()
        frozen = next(iter(game.generator.children())).eval()
        game.generate(game.generator, game.request(2, rng), rng)
        assert game.generator.training
        assert not frozen.training

    def test_the_mode_is_restored_after_a_failure_too(self, rng: torch.Generator) -> None:
        game = GAN(ModeGenerator(), TinyDiscriminator(), Logistic())
        with pytest.raises(RuntimeError, match="too many"):
            game.generate(game.exported(), game.request(4, rng), rng)
        assert game.generator.training

    def test_images_carry_no_graph_and_lie_in_range(self, rng: torch.Generator) -> None:
        game = gan(classes=3)
        images = game.generate(game.exported(), game.request(6, rng), rng)
        assert not images.requires_grad
        assert images.abs().max() <= 1

    def test_it_samples_the_network_it_is_handed(self, rng: torch.Generator) -> None:
        game, other = gan(), TinyGenerator()
        request = game.request(2, rng)
        assert torch.equal(game.generate(other, request, rng), other(request["latent"]))


def test_batches_of_a_conditional_game_hold_labels() -> None:
    assert "labels" in ToyBatcher(gan(classes=3).needs).draw()
    assert "labels" not in ToyBatcher(gan().needs).draw()
