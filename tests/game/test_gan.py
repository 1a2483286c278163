"""The rounds of a two-player game, its fakes, its gradients, and the passes that it merges."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from toys import (
    R1,
    R2,
    BatchNormDiscriminator,
    Logistic,
    Relativistic,
    TinyGenerator,
    build,
)
from toys.gans import MakeTurn, count_calls, fresh, gan, player, total

from ganzoo.errors import ConfigError, IncompatiblePartsError
from ganzoo.game import GAN


class TestRounds:
    def test_one_critic_update_shares_the_batch(self) -> None:
        assert gan().rounds(0) == (("d", "g"),)

    @pytest.mark.parametrize("n_critic", [0, -1])
    def test_no_critic_update_is_no_game(self, n_critic: int) -> None:
        with pytest.raises(ConfigError, match="at least one update"):
            gan(n_critic=n_critic)

    def test_more_critic_updates_have_a_batch_each(self) -> None:
        assert gan(n_critic=3).rounds(7) == (("d",), ("d",), ("d", "g"))


class TestFake:
    def test_a_shared_fake_is_generated_once(self, make_turn: MakeTurn) -> None:
        game = gan()
        calls = count_calls(game.generator)
        turn = make_turn(game, "d", "g")
        game.discriminator_terms(turn)
        game.generator_terms(turn)
        assert calls == [4]

    def test_without_sharing_each_player_has_its_own(self, make_turn: MakeTurn) -> None:
        game = gan(share_fake=False)
        turn = make_turn(game, "d", "g")
        assert not torch.equal(game.fake(turn, "d"), game.fake(turn, "g"))
        assert not game.fake(turn, "d").requires_grad
        assert game.fake(turn, "g").requires_grad

    def test_the_latent_is_the_one_behind_the_fake(self, make_turn: MakeTurn) -> None:
        game = gan()
        turn = make_turn(game, "d", "g")
        assert torch.equal(game.generator(game.latent(turn)), game.fake(turn))

    def test_a_discriminator_that_plays_alone_builds_no_generator_graph(self, make_turn: MakeTurn) -> None:
        game = gan(n_critic=2)
        assert not game.fake(make_turn(game, "d"), "d").requires_grad
        assert game.fake(make_turn(game, "g"), "g").requires_grad

    def test_a_conditional_fake_is_made_and_scored_under_the_labels_of_the_batch(self, make_turn: MakeTurn) -> None:
        game = gan(classes=3)
        assert game.needs.labels
        seen: list[Tensor] = []
        for network in (game.generator, game.discriminator):
            network.register_forward_hook(lambda _, inputs, __: seen.append(inputs[1]))
        turn = make_turn(game, "d", "g")
        game.discriminator_terms(turn)
        game.generator_terms(turn)
        assert len(seen) == 4
        assert all(labels is turn.batch["labels"] for labels in seen)


class TestGradients:
    def test_the_discriminators_loss_has_no_way_into_the_generator(self, make_turn: MakeTurn) -> None:
        game = gan()
        total(game.discriminator_terms(make_turn(game, "d", "g"))).backward()
        assert all(weight.grad is None for weight in game.generator.parameters())
        assert all(weight.grad is not None for weight in game.discriminator.parameters())

    def test_the_generators_backward_leaves_the_discriminators_gradients_alone(self, make_turn: MakeTurn) -> None:
        game = gan()
        for weight in game.discriminator.parameters():
            weight.grad = torch.full_like(weight, 7.0)
        total(game.generator_terms(make_turn(game, "d", "g"))).backward(inputs=list(player(game, "g").params))
        assert all(
            bool((weight.grad == 7).all()) for weight in game.discriminator.parameters() if weight.grad is not None
        )
        assert all(weight.grad is not None for weight in game.generator.parameters())

    def test_a_shared_fake_gives_g_the_gradients_that_a_frozen_d_would(self, make_turn: MakeTurn) -> None:
        game = gan()
        turn = make_turn(game, "d", "g")
        total(game.discriminator_terms(turn)).backward(inputs=list(player(game, "d").params))
        total(game.generator_terms(turn)).backward(inputs=list(player(game, "g").params))
        shared = [weight.grad for weight in game.generator.parameters()]

        latent = game.latent(turn)
        frozen = game.discriminator.requires_grad_(False)
        terms = game.loss.generator(frozen(game.generator(latent)))
        expected = torch.autograd.grad(total(terms), list(game.generator.parameters()))
        for ours, theirs in zip(shared, expected, strict=True):
            assert ours is not None
            torch.testing.assert_close(ours, theirs)


class TestLoss:
    def test_only_a_relativistic_generator_gets_real_scores(self, make_turn: MakeTurn) -> None:
        plain = gan()
        paired = GAN(plain.generator, plain.discriminator, Relativistic())
        calls = count_calls(plain.discriminator)
        plain.generator_terms(make_turn(plain, "d", "g"))
        assert calls == [4]
        turn = make_turn(paired, "d", "g")
        terms = paired.generator_terms(turn)
        assert calls == [4, 4, 4]
        real, fake = (paired.discriminator(images) for images in (turn.batch["images"], paired.fake(turn)))
        torch.testing.assert_close(terms["pair"], nn.functional.softplus(real - fake).mean())

    def test_diagnostics_are_shown_without_a_graph_and_not_minimised(self, make_turn: MakeTurn) -> None:
        game = gan()
        turn = make_turn(game, "d", "g")
        assert set(game.discriminator_terms(turn)) == {"real", "fake"}
        assert set(turn.shown) == {"accuracy_real"}

    def test_after_an_update_the_loss_moves_its_buffers(self, make_turn: MakeTurn) -> None:
        game = build("energy")
        assert isinstance(game, GAN)
        turn = make_turn(game, "d", "g")
        game.after_update("d", {"real": torch.tensor(0.8)}, turn)
        game.after_update("g", {"fake": torch.tensor(0.1)}, turn)
        assert float(game.loss.k) == pytest.approx(0.1 * (0.9 * 0.8 - 0.1))  # type: ignore[arg-type]
        assert {player.lr_scale is game.loss.lr_scale for player in game.players()} == {True}


class TestMergedPasses:
    @pytest.mark.parametrize("classes", [None, 3])
    def test_the_scores_are_those_of_two_passes(self, classes: int | None) -> None:
        apart, merged = gan(classes=classes), gan(classes=classes, merge_passes=True)
        ours, theirs = (game.discriminator_terms(fresh(game)) for game in (merged, apart))
        assert ours.keys() == theirs.keys()
        for name, term in theirs.items():
            assert torch.allclose(ours[name], term, atol=1e-6), name

    def test_the_discriminator_is_called_once(self) -> None:
        game = gan(merge_passes=True)
        calls = count_calls(game.discriminator)
        game.discriminator_terms(fresh(game))
        assert calls == [8]

    def test_penalties_at_real_and_fake_images_find_their_gradients(self) -> None:
        apart, merged = gan([R1(), R2()]), gan([R1(), R2()], merge_passes=True)
        ours, theirs = (game.discriminator_terms(fresh(game)) for game in (merged, apart))
        for name, term in theirs.items():
            assert torch.allclose(ours[name], term, atol=1e-6), name
        total(ours).backward()

    def test_a_discriminator_that_mixes_the_batch_is_refused(self) -> None:
        with pytest.raises(IncompatiblePartsError, match="mixes the batch"):
            GAN(TinyGenerator(), BatchNormDiscriminator(), Logistic(), merge_passes=True)
