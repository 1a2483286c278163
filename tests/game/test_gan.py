from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from toys import (
    R1,
    R2,
    BatchNormDiscriminator,
    Logistic,
    OffCentre,
    Relativistic,
    TinyDiscriminator,
    TinyGenerator,
    ToyBatcher,
    build,
)

from ganzoo.errors import ConfigError, ContractError, IncompatiblePartsError
from ganzoo.game import GAN, Batch, Game, Generator, Penalty, Player, Terms, Turn
from ganzoo.options import GANOptions, ScheduleSpec

MakeTurn = Callable[..., Turn]


def gan(penalties: list[Penalty] | None = None, classes: int | None = None, **options: object) -> GAN:
    """A small two-player game with repeatable weights."""
    torch.manual_seed(0)
    generator, discriminator = TinyGenerator(classes=classes), TinyDiscriminator(classes=classes)
    return GAN(generator, discriminator, Logistic(), penalties=penalties or [], **options)  # type: ignore[arg-type]


def player(game: Game, name: str) -> Player:
    return next(player for player in game.players() if player.name == name)


def count_calls(module: nn.Module) -> list[int]:
    """Grows by the batch size at each forward pass of ``module``."""
    calls: list[int] = []
    module.register_forward_hook(lambda _, inputs, __: calls.append(len(inputs[0])))
    return calls


def fresh(game: Game, step: int = 0) -> Turn:
    """A turn of both players that draws the same numbers each time."""
    return Turn(ToyBatcher(game.needs).draw(), torch.Generator().manual_seed(0), torch.tensor(step), ("d", "g"))


def total(terms: Terms) -> Tensor:
    return torch.stack(list(terms.values())).sum()


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


class TestPenalties:
    def test_points_at_real_and_fake_reuse_those_passes(self, make_turn: MakeTurn) -> None:
        game = gan([R1(), R2()])
        calls = count_calls(game.discriminator)
        terms = game.discriminator_terms(make_turn(game, "d", "g"))
        assert set(terms) == {"real", "fake", "r1", "r2"}
        assert calls == [4, 4]

    def test_points_elsewhere_cost_a_pass_of_their_own(self, make_turn: MakeTurn) -> None:
        game = gan([OffCentre()])
        calls = count_calls(game.discriminator)
        game.discriminator_terms(make_turn(game, "d", "g"))
        assert calls == [4, 4, 4]

    def test_a_reused_pass_gives_the_penalty_of_a_fresh_one(self, make_turn: MakeTurn) -> None:
        game = gan([R1()])
        turn = make_turn(game, "d", "g")
        reused = game.discriminator_terms(turn)["r1"]
        real = turn.batch["images"].clone().requires_grad_()
        (slope,) = torch.autograd.grad(game.discriminator(real).sum(), real)
        torch.testing.assert_close(reused, 0.5 * slope.square().sum(dim=(1, 2, 3)).mean())

    def test_below_float32_a_penalty_has_a_pass_of_its_own_in_float32(self, make_turn: MakeTurn) -> None:
        game, precise = gan([R1()]), gan([R1()])
        calls = count_calls(game.discriminator)
        with torch.autocast("cpu", torch.bfloat16):
            low = game.discriminator_terms(make_turn(game, "d", "g"))
        assert calls == [4, 4, 4]
        exact = precise.discriminator_terms(make_turn(precise, "d", "g"))
        torch.testing.assert_close(low["r1"], exact["r1"])
        assert not torch.equal(low["real"], exact["real"]), "the scores were in bfloat16"

    def test_the_loss_is_in_float32_whatever_the_networks_are_in(self, make_turn: MakeTurn) -> None:
        class Multiplies(Logistic):
            def discriminator(self, real: Tensor, fake: Tensor) -> Terms:
                return {"product": (real[None] @ fake[:, None]).squeeze()}

        game = GAN(TinyGenerator(), TinyDiscriminator(), Multiplies())
        with torch.autocast("cpu", torch.bfloat16):
            assert game.discriminator_terms(make_turn(game, "d", "g"))["product"].dtype == torch.float32

    def test_a_penalty_reaches_the_weights(self, make_turn: MakeTurn) -> None:
        game = gan([R1()])
        terms = game.discriminator_terms(make_turn(game, "d", "g"))
        (slope,) = torch.autograd.grad(terms["r1"], [game.discriminator.body[1].weight])  # type: ignore[index, union-attr]
        assert slope.abs().sum() > 0

    def test_the_batch_itself_is_never_changed(self, make_turn: MakeTurn) -> None:
        game = gan([R1()])
        turn = make_turn(game, "d", "g")
        before = turn.batch["images"].clone()
        game.discriminator_terms(turn)
        assert not turn.batch["images"].requires_grad
        assert torch.equal(turn.batch["images"], before)

    def test_two_terms_of_one_name_are_refused(self, make_turn: MakeTurn) -> None:
        game = gan([R1(), R1()])
        with pytest.raises(ContractError, match="R1 names a term 'r1' that another part"):
            game.discriminator_terms(make_turn(game, "d", "g"))

    def test_a_penalty_may_anneal_its_weight_after_the_update(self, make_turn: MakeTurn) -> None:
        penalty = R1(decay=0.5)
        game = gan([penalty])
        turn = make_turn(game, "d", "g")
        before = game.discriminator_terms(turn)["r1"]
        game.after_update("d", {}, turn)
        game.after_update("g", {}, turn)
        torch.testing.assert_close(game.discriminator_terms(turn)["r1"], before / 2)


class TestInstanceNoise:
    def noise(self, steps: int, at: int) -> float:
        """The standard deviation of what instance noise of 0.4 adds at iteration ``at``."""
        game = gan(options=GANOptions(instance_noise=0.4, instance_noise_steps=steps))
        turn = Turn(Batch(), torch.Generator().manual_seed(0), torch.tensor(at))
        return float(game.noisy(torch.zeros(200, 1, 8, 8), turn).std())

    def test_it_falls_linearly_to_zero_and_stays_there(self) -> None:
        assert [self.noise(10, at) for at in (0, 5, 10, 20)] == pytest.approx([0.4, 0.2, 0, 0], abs=0.01)

    def test_without_steps_it_stays(self) -> None:
        assert self.noise(0, 1000) == pytest.approx(0.4, abs=0.01)

    def test_it_reaches_both_real_and_fake_and_the_generators_turn(self, make_turn: MakeTurn) -> None:
        game = gan(options=GANOptions(instance_noise=0.4))
        seen: list[Tensor] = []
        game.discriminator.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].detach()))
        turn = make_turn(game, "d", "g")
        game.discriminator_terms(turn)
        game.generator_terms(turn)
        clean = [turn.batch["images"], game.fake(turn), game.fake(turn)]
        for noisy, images in zip(seen, clean, strict=True):
            assert 0.2 < float((noisy - images).detach().std()) < 0.6
        assert not torch.equal(seen[1], seen[2])

    def test_none_leaves_the_images_themselves(self, make_turn: MakeTurn) -> None:
        game = gan()
        turn = make_turn(game, "d")
        assert game.noisy(turn.batch["images"], turn) is turn.batch["images"]


class TestClip:
    def test_it_bounds_every_weight_of_d_alone(self) -> None:
        game = gan(clip=0.01)
        before = [weight.clone() for weight in game.generator.parameters()]
        after = player(game, "d").after
        assert after is not None
        after()
        assert all(float(weight.detach().abs().max()) <= 0.01 for weight in game.discriminator.parameters())
        assert all(map(torch.equal, before, game.generator.parameters()))
        assert player(game, "g").after is None

    def test_without_it_nothing_follows_the_update(self) -> None:
        assert player(gan(), "d").after is None


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


def test_the_weight_of_penalties_moves_with_the_step() -> None:
    game = gan([OffCentre()], penalty_schedule=ScheduleSpec(decay="linear", steps=10))
    plain = gan([OffCentre()])
    full = plain.discriminator_terms(fresh(plain))
    name = (full.keys() - gan().discriminator_terms(fresh(plain)).keys()).pop()
    for step, share in ((0, 1.0), (5, 0.5), (10, 0.0)):
        terms = game.discriminator_terms(fresh(game, step=step))
        assert terms[name].item() == pytest.approx(share * full[name].item(), rel=1e-5, abs=1e-7)
        assert terms["real"].item() == pytest.approx(full["real"].item())
