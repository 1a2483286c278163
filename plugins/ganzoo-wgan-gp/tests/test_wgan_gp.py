"""WGAN-GP: the loss and the penalty against closed forms, the networks' shapes, gradients and flags."""

from __future__ import annotations

import math
import subprocess
import sys
import textwrap

import pytest
import torch
from torch import Tensor, nn

from ganzoo.data import DataInfo
from ganzoo.errors import IncompatiblePartsError
from ganzoo.game import GAN, Batch, Discriminator, Networks, Turn
from ganzoo.registry import NetworkRequest
from ganzoo_wgan_gp.plugin import WGANGPNetOptions, WGANGPOptions, ganzoo_backbones, ganzoo_variants
from ganzoo_wgan_gp.wgan_gp import (
    GradientPenalty,
    WassersteinLoss,
    WGANGPCritic,
    WGANGPGenerator,
    build,
    build_networks,
    image_sides,
)

DATA = DataInfo(name="toy", channels=1, height=8, width=8, classes=("a", "b", "c"))
SHAPE = (1, 8, 8)


class LinearCritic(Discriminator):
    """D(x) = <w, x> + c, whose gradient is w everywhere."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return (images * self.weight).flatten(1).sum(1) + 3.0


class QuadraticCritic(Discriminator):
    """D(x) = a ||x||^2 / 2, whose gradient at x is a x: a different norm for each sample."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.scale * images.flatten(1).square().sum(1) / 2


class BatchNormCritic(Discriminator):
    mixes_batch = True

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(64, 1))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        scores: Tensor = self.net(images).squeeze(1)
        return scores


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small_networks(shape: tuple[int, int, int] = SHAPE, classes: int | None = None, width: int = 4) -> Networks:
    torch.manual_seed(0)
    options = WGANGPNetOptions(latent_dim=6, width=width)
    return build_networks(options, NetworkRequest(shape=shape, classes=classes))


def turn_on(images: Tensor, *players: str, seed: int = 0, labels: Tensor | None = None) -> Turn:
    batch = Batch(images=images) if labels is None else Batch(images=images, labels=labels)
    return Turn(batch, rng(seed), torch.zeros((), dtype=torch.int64), players)


def penalty_of(critic: Discriminator, points: Tensor, **kwargs: object) -> Tensor:
    points = points.clone().requires_grad_()
    return GradientPenalty(**kwargs).terms(critic(points), points)["gradient_penalty"]  # type: ignore[arg-type]


class TestLoss:
    real, fake = torch.tensor([1.0, 3.0, -1.0]), torch.tensor([0.5, -2.5, 5.0])

    def test_critic_terms_are_the_difference_of_means(self) -> None:
        terms = WassersteinLoss().discriminator(self.real, self.fake)
        assert {name: term.item() for name, term in terms.items()} == {"real": -1.0, "fake": 1.0}

    def test_generator_term_is_minus_the_fake_mean(self) -> None:
        terms = WassersteinLoss().generator(self.fake)
        assert {name: term.item() for name, term in terms.items()} == {"fake": -1.0}

    def test_wasserstein_estimate_is_minus_the_critic_terms(self) -> None:
        loss = WassersteinLoss()
        shown = loss.diagnostics(self.real + 1, self.fake)
        assert {name: value.item() for name, value in shown.items()} == {"wasserstein": 1.0}

    def test_critic_raises_real_scores_and_generator_raises_fake_ones(self) -> None:
        real, fake = self.real.clone().requires_grad_(), self.fake.clone().requires_grad_()
        loss = WassersteinLoss()
        total = torch.stack(list(loss.discriminator(real, fake).values())).sum()
        real_slope, fake_slope = torch.autograd.grad(total, (real, fake))
        torch.testing.assert_close(real_slope, torch.full((3,), -1 / 3))
        torch.testing.assert_close(fake_slope, torch.full((3,), 1 / 3))
        (upwards,) = torch.autograd.grad(loss.generator(fake)["fake"], fake)
        torch.testing.assert_close(upwards, torch.full((3,), -1 / 3))


class TestPenalty:
    @pytest.mark.parametrize(("norm", "weight"), [(3.0, 10.0), (0.25, 10.0), (1.0, 10.0), (5.0, 0.1)])
    def test_linear_critic_pays_for_its_known_norm(self, norm: float, weight: float) -> None:
        direction = torch.randn(SHAPE, generator=rng())
        critic = LinearCritic(norm * direction / direction.norm())
        penalty = penalty_of(critic, torch.randn(7, *SHAPE, generator=rng(1)), weight=weight)
        assert penalty.item() == pytest.approx(weight * (norm - 1) ** 2, abs=1e-4)

    @pytest.mark.parametrize(("norm", "expected"), [(0.25, 0.0), (3.0, 40.0)])
    def test_one_sided_pays_only_above_one(self, norm: float, expected: float) -> None:
        critic = LinearCritic(torch.full(SHAPE, norm / 8))
        assert penalty_of(critic, torch.zeros(2, *SHAPE), one_sided=True).item() == pytest.approx(expected, abs=1e-4)

    def test_norm_is_of_each_sample_and_not_of_the_batch(self) -> None:
        norms = torch.tensor([0.5, 1.0, 2.0])
        points = norms.view(3, 1, 1, 1) * torch.ones(SHAPE) / 8
        by_hand = 10 * ((2 * 0.5 - 1) ** 2 + (2 * 1.0 - 1) ** 2 + (2 * 2.0 - 1) ** 2) / 3
        assert penalty_of(QuadraticCritic(2.0), points).item() == pytest.approx(by_hand, rel=1e-5)

    def test_double_backward_reaches_the_critic(self) -> None:
        # With D = a ||x||^2 / 2 and ||x|| = 1, the penalty is 10 (a - 1)^2 and its slope in a is 20 (a - 1).
        critic = QuadraticCritic(1.5)
        (slope,) = torch.autograd.grad(penalty_of(critic, torch.full((4, *SHAPE), 1 / 8)), critic.scale)
        assert slope.item() == pytest.approx(10.0, rel=1e-5)

    def test_gradient_is_finite_where_the_critic_is_flat(self) -> None:
        critic = QuadraticCritic(1.0)
        penalty = penalty_of(critic, torch.zeros(2, *SHAPE))
        (slope,) = torch.autograd.grad(penalty, critic.scale)
        assert penalty.item() == pytest.approx(10.0)
        assert slope.isfinite()

    def test_points_lie_on_segments_with_an_epsilon_for_each_sample(self) -> None:
        real, fake = torch.randn(64, 3, 4, 4, generator=rng(1)), torch.randn(64, 3, 4, 4, generator=rng(2))
        points = GradientPenalty().points(real, fake, rng())
        epsilon = ((points - fake) / (real - fake)).flatten(1).median(dim=1).values
        torch.testing.assert_close(points, fake + epsilon.view(-1, 1, 1, 1) * (real - fake))
        assert 0 <= epsilon.min() < 0.1
        assert 0.9 < epsilon.max() <= 1
        assert len(set(epsilon.tolist())) == 64

    def test_points_come_from_the_given_generator_alone(self) -> None:
        real, fake = torch.ones(5, *SHAPE), torch.zeros(5, *SHAPE)
        first = GradientPenalty().points(real, fake, rng(3))
        torch.rand(10)
        assert torch.equal(first, GradientPenalty().points(real, fake, rng(3)))
        assert not torch.equal(first, GradientPenalty().points(real, fake, rng(4)))


class TestNetworks:
    @pytest.mark.parametrize(
        ("size", "sides"),
        [(8, [8, 4]), (28, [28, 14, 7, 4]), (30, [30, 15, 8, 4]), (32, [32, 16, 8, 4]), (128, [128, 64, 32, 16, 8, 4])],
    )
    def test_sides_halve_down_to_four(self, size: int, sides: list[int]) -> None:
        assert image_sides((1, size, size)) == sides

    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("size", [8, 16, 28, 30, 32, 64, 128])
    def test_shapes_and_pixel_range(self, size: int, channels: int) -> None:
        generator, critic = small_networks((channels, size, size))
        images = generator(10 * generator.sample_latent(2, rng(), device="cpu"))
        assert images.shape == (2, channels, size, size)
        assert images.min() >= -1
        assert images.max() <= 1
        assert critic(images).shape == (2,)
        assert isinstance(critic, WGANGPCritic)
        assert critic.features(images).shape == (2, critic.feature_dim)

    def test_sizes_of_the_authors_mnist_networks(self) -> None:
        generator, critic = build_networks(WGANGPNetOptions(), NetworkRequest(shape=(1, 28, 28)))
        deconvolutions = (4 * 2 + 2 * 1) * 64**2 * 25 + 64 * 25 + (2 + 1) * 64 + 1
        assert sum(p.numel() for p in generator.parameters()) == (128 + 1) * 4096 + deconvolutions
        convolutions = (1 * 2 + 2 * 4) * 64**2 * 25 + 64 * 25 + (1 + 2 + 4) * 64
        assert sum(p.numel() for p in critic.parameters()) == convolutions + 4096 + 1

    def test_weights_start_as_the_authors_draw_them(self) -> None:
        torch.manual_seed(0)
        critic = WGANGPCritic((1, 28, 28))
        second = next(m for m in critic.modules() if isinstance(m, nn.Conv2d) and m.in_channels == 64)
        assert second.weight.std().item() == pytest.approx(math.sqrt(4 / (64 * 25 + 128 * 25 / 4)), rel=0.02)
        generator = WGANGPGenerator((1, 28, 28))
        first = next(m for m in generator.modules() if isinstance(m, nn.ConvTranspose2d))
        assert first.weight.std().item() == pytest.approx(math.sqrt(4 / (256 * 25 / 4 + 128 * 25)), rel=0.02)
        assert generator.project.weight.std().item() == pytest.approx(math.sqrt(2 / (128 + 4096)), rel=0.02)
        biases = [value for name, value in critic.named_parameters() if name.endswith("bias")]
        assert len(biases) == 4
        assert not any(bias.any() for bias in biases)

    def test_no_network_has_a_norm_layer(self) -> None:
        generator, critic = small_networks()
        norms = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
        assert not [m for m in (*generator.modules(), *critic.modules()) if isinstance(m, norms)]
        assert not critic.mixes_batch
        assert not critic.energy

    @pytest.mark.parametrize("shape", [(1, 7, 7), (1, 28, 32)])
    def test_other_shapes_are_refused_with_their_value(self, shape: tuple[int, int, int]) -> None:
        with pytest.raises(IncompatiblePartsError, match=f"not {shape[1]} x {shape[2]}"):
            small_networks(shape)

    def test_labels_change_both_networks(self) -> None:
        generator, critic = small_networks(classes=3)
        assert generator.classes == critic.classes == 3
        latent = generator.sample_latent(2, rng(), device="cpu")
        zero, one = torch.zeros(2, dtype=torch.int64), torch.ones(2, dtype=torch.int64)
        images = generator(latent, zero)
        assert not torch.allclose(images, generator(latent, one))
        assert not torch.allclose(critic(images, zero), critic(images, one))

    def test_label_of_one_sample_leaves_the_others_alone(self) -> None:
        generator, critic = small_networks(classes=3)
        latent = generator.sample_latent(2, rng(), device="cpu")
        before, after = torch.tensor([0, 1]), torch.tensor([2, 1])
        torch.testing.assert_close(generator(latent, before)[1], generator(latent, after)[1])
        images = torch.rand(2, *SHAPE)
        torch.testing.assert_close(critic(images, before)[1], critic(images, after)[1])

    def test_state_dict_round_trip(self) -> None:
        generator, critic = small_networks(classes=3)
        torch.manual_seed(1)
        other = build_networks(WGANGPNetOptions(latent_dim=6, width=4), NetworkRequest(shape=SHAPE, classes=3))
        for source, target in zip((generator, critic), other, strict=True):
            target.load_state_dict(source.state_dict())
        latent, labels = generator.sample_latent(3, rng(), device="cpu"), torch.arange(3)
        images = generator(latent, labels)
        assert torch.equal(images, other.generator(latent, labels))
        assert torch.equal(critic(images, labels), other.discriminator(images, labels))


class TestGame:
    def test_the_generator_joins_the_fifth_critic_round(self) -> None:
        game = build(WGANGPOptions(), small_networks(), DATA)
        assert game.rounds(0) == (("d",),) * 4 + (("d", "g"),)

    def test_settings_of_the_paper_but_for_the_rate(self) -> None:
        options = WGANGPOptions()
        for spec in (options.d_optimizer, options.g_optimizer):
            assert (spec.name, spec.lr, spec.betas) == ("adam", 1e-3, (0.5, 0.9))
        (variant,) = ganzoo_variants()
        assert variant.training["batch_size"] == 50
        assert variant.per_sample_scores
        assert variant.backbone in [backbone.name for backbone in ganzoo_backbones()]

    def test_critic_terms_are_named_and_shown(self) -> None:
        game = build(WGANGPOptions(), small_networks(), DATA)
        turn = turn_on(torch.rand(5, *SHAPE), "d")
        terms = game.discriminator_terms(turn)
        assert list(terms) == ["real", "fake", "gradient_penalty"]
        torch.testing.assert_close(turn.shown["wasserstein"], -(terms["real"] + terms["fake"]).detach())
        assert list(game.generator_terms(turn_on(torch.rand(5, *SHAPE), "g"))) == ["fake"]

    def test_zero_weight_skips_the_penalty(self) -> None:
        game = build(WGANGPOptions(gradient_penalty=0), small_networks(), DATA)
        assert list(game.discriminator_terms(turn_on(torch.rand(5, *SHAPE), "d"))) == ["real", "fake"]

    @pytest.mark.parametrize("classes", [None, 3])
    def test_every_parameter_gets_a_finite_gradient(self, classes: int | None) -> None:
        game = build(WGANGPOptions(), small_networks((1, 28, 28), classes), DATA)
        labels = torch.arange(6) % 3 if classes else None
        for player in game.players():
            turn = turn_on(torch.rand(6, 1, 28, 28, generator=rng()) * 2 - 1, player.name, labels=labels)
            terms, params = player.loss(turn), list(player.params)
            total = torch.stack(list(terms.values())).sum()
            assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(total, params, retain_graph=True))
            # The critic's last bias moves real and fake scores alike: only one term by itself reaches it.
            assert all(gradient.any() for gradient in torch.autograd.grad(terms["fake"], params))

    def test_a_single_critic_update_draws_latents_of_its_own(self) -> None:
        game = build(WGANGPOptions(n_critic=1), small_networks(), DATA)
        turn = turn_on(torch.rand(5, *SHAPE), "d", "g")
        assert game.rounds(0) == (("d", "g"),)
        assert not torch.equal(game.fake(turn, "d"), game.fake(turn, "g"))

    def test_a_critic_that_mixes_the_batch_is_refused(self) -> None:
        generator = small_networks().generator
        with pytest.raises(IncompatiblePartsError, match=r"BatchNormCritic mixes .* \(batch norm\)"):
            build(WGANGPOptions(), Networks(generator, BatchNormCritic()), DATA)

    def test_critic_learns_to_tell_apart_and_generator_to_follow(self) -> None:
        game = build(WGANGPOptions(n_critic=2), small_networks(), DATA)
        before, after = train(game, "d", steps=25)
        assert after > before + 0.05
        assert critic_slope(game) < 2
        scores_before, scores_after = train(game, "g", steps=25)
        assert scores_after < scores_before


def train(game: GAN, name: str, steps: int) -> tuple[float, float]:
    """Let one player alone move; the Wasserstein estimate before and after, on fresh latents."""
    (player,) = (player for player in game.players() if player.name == name)
    optimizer = torch.optim.Adam(list(player.params), lr=2e-3, betas=(0.5, 0.9))
    images = torch.full((16, *SHAPE), 0.8)
    estimates = [estimate(game, images)]
    for step in range(steps):
        terms = torch.stack(list(player.loss(turn_on(images, name, seed=step)).values()))
        optimizer.zero_grad()
        torch.autograd.backward(terms.sum(), inputs=list(player.params))
        optimizer.step()
    estimates.append(estimate(game, images))
    return estimates[0], estimates[1]


def estimate(game: GAN, images: Tensor) -> float:
    turn = turn_on(images, "d", seed=99)
    game.discriminator_terms(turn)
    return float(turn.shown["wasserstein"])


def critic_slope(game: GAN) -> float:
    points = torch.zeros(1, *SHAPE, requires_grad=True)
    (gradient,) = torch.autograd.grad(game.discriminator(points).sum(), points)
    return float(gradient.norm())


def test_specs_leave_torch_unimported() -> None:
    code = """
        import sys
        import ganzoo_wgan_gp.plugin as plugin
        assert plugin.ganzoo_variants() and plugin.ganzoo_backbones()
        assert "torch" not in sys.modules
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
