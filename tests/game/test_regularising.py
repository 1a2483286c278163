"""Penalties, noise on images and bounds of weights: where they reach, and what they cost."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from toys import (
    R1,
    R2,
    Logistic,
    OffCentre,
    TinyDiscriminator,
    TinyGenerator,
)
from toys.gans import MakeTurn, count_calls, fresh, gan, player

from ganzoo.errors import ContractError
from ganzoo.game import GAN, Batch, Terms, Turn
from ganzoo.options import GANOptions, ScheduleSpec


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


def test_the_weight_of_penalties_moves_with_the_step() -> None:
    game = gan([OffCentre()], penalty_schedule=ScheduleSpec(decay="linear", steps=10))
    plain = gan([OffCentre()])
    full = plain.discriminator_terms(fresh(plain))
    name = (full.keys() - gan().discriminator_terms(fresh(plain)).keys()).pop()
    for step, share in ((0, 1.0), (5, 0.5), (10, 0.0)):
        terms = game.discriminator_terms(fresh(game, step=step))
        assert terms[name].item() == pytest.approx(share * full[name].item(), rel=1e-5, abs=1e-7)
        assert terms["real"].item() == pytest.approx(full["real"].item())
