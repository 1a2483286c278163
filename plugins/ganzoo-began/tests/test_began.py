"""BEGAN: the controller against its recurrence worked out by hand, energies, falling learning rates, networks."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterable

import pytest
import torch
from torch import Tensor, nn

from ganzoo.data import DataInfo
from ganzoo.errors import IncompatiblePartsError
from ganzoo.game import GAN, Batch, Discriminator, Networks, Turn
from ganzoo.registry import NetworkRequest
from ganzoo_began.began import BEGANLoss, build
from ganzoo_began.networks import Autoencoder, base_and_stages, build_networks
from ganzoo_began.plugin import BEGANNetOptions, BEGANOptions, ganzoo_backbones, ganzoo_variants

DATA = DataInfo(name="toy", channels=1, height=8, width=8)
SHAPE = (1, 8, 8)


class FreeCritic(Discriminator):
    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return images.flatten(1).sum(1)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small_networks(
    shape: tuple[int, int, int] = SHAPE, *, width: int = 4, repeats: int = 2, skip: bool = False
) -> Networks:
    torch.manual_seed(0)
    options = BEGANNetOptions(latent_dim=5, width=width, repeats=repeats, skip=skip)
    return build_networks(options, NetworkRequest(shape=shape))


def turn_on(images: Tensor, *players: str, seed: int = 0) -> Turn:
    return Turn(Batch(images=images), rng(seed), torch.zeros((), dtype=torch.int64), players)


def play(loss: BEGANLoss, real_error: float, fake_error: float) -> None:
    """One iteration as the engine reports it."""
    loss.after_update("d", {"real": torch.tensor(real_error), "fake": torch.tensor(0.0)})
    loss.after_update("g", {"fake": torch.tensor(fake_error)})


def play_measures(loss: BEGANLoss, measures: Iterable[float]) -> None:
    """Iterations at equilibrium, gamma L(x) = L(G(z)), where M = L(x)."""
    for measure in measures:
        play(loss, measure, loss.gamma * measure)


class TestLoss:
    real, fake = -torch.tensor([0.2, 0.4]), -torch.tensor([0.1, 0.3])

    def test_terms_by_hand(self) -> None:
        loss = BEGANLoss()
        loss.k.fill_(0.25)
        terms = loss.discriminator(self.real, self.fake)
        assert terms["real"].item() == pytest.approx(0.3)
        assert terms["fake"].item() == pytest.approx(-0.25 * 0.2)
        assert loss.generator(self.fake)["fake"].item() == pytest.approx(0.2)

    def test_discriminator_lowers_real_errors_and_raises_fake_ones_by_k(self) -> None:
        loss = BEGANLoss()
        loss.k.fill_(0.5)
        real_error, fake_error = torch.tensor([0.2, 0.4], requires_grad=True), torch.tensor([0.1], requires_grad=True)
        total = torch.stack(list(loss.discriminator(-real_error, -fake_error).values())).sum()
        real_slope, fake_slope = torch.autograd.grad(total, (real_error, fake_error))
        torch.testing.assert_close(real_slope, torch.tensor([0.5, 0.5]))
        torch.testing.assert_close(fake_slope, torch.tensor([-0.5]))

    def test_generator_lowers_the_error_of_its_images(self) -> None:
        error = torch.tensor([0.1, 0.3], requires_grad=True)
        (slope,) = torch.autograd.grad(BEGANLoss().generator(-error)["fake"], error)
        torch.testing.assert_close(slope, torch.tensor([0.5, 0.5]))

    def test_shown_values_by_hand(self) -> None:
        loss = BEGANLoss(gamma=0.5)
        loss.k.fill_(0.25)
        shown = {name: value.item() for name, value in loss.diagnostics(self.real, self.fake).items()}
        # L(x) = 0.3, L(G(z)) = 0.2: the balance is 0.5 * 0.3 - 0.2 and M = 0.3 + 0.05.
        assert shown == pytest.approx({"M": 0.35, "balance": -0.05, "k": 0.25, "lr_scale": 1.0})

    def test_shown_k_is_the_one_that_the_terms_used(self) -> None:
        loss = BEGANLoss(lambda_k=1.0)
        shown = loss.diagnostics(self.real, self.fake)
        play(loss, 0.8, 0.1)
        assert shown["k"].item() == 0


class TestController:
    def test_k_follows_its_recurrence(self) -> None:
        loss = BEGANLoss(gamma=0.5, lambda_k=0.1)
        k = []
        for real_error, fake_error in [(0.8, 0.1), (0.6, 0.1), (0.4, 0.3), (0.5, 0.25)]:
            play(loss, real_error, fake_error)
            k.append(loss.k.item())
        # Steps 0.1 * (0.4 - 0.1), 0.1 * (0.3 - 0.1), 0.1 * (0.2 - 0.3), 0.1 * 0.
        assert k == pytest.approx([0.03, 0.05, 0.04, 0.04])

    def test_k_starts_at_zero_and_waits_for_the_generator(self) -> None:
        loss = BEGANLoss(lambda_k=0.1)
        loss.after_update("d", {"real": torch.tensor(0.8), "fake": torch.tensor(0.0)})
        assert loss.k.item() == 0

    @pytest.mark.parametrize(("real_error", "fake_error", "end"), [(0.0, 5.0, 0.0), (9.0, 0.0, 1.0)])
    def test_k_is_clamped_at_both_ends(self, real_error: float, fake_error: float, end: float) -> None:
        loss = BEGANLoss(lambda_k=1.0)
        loss.k.fill_(0.5)
        play(loss, real_error, fake_error)
        assert loss.k.item() == end

    def test_buffers_move_in_place(self) -> None:
        loss = BEGANLoss(lambda_k=0.1, lr_patience=2)
        before = {name: buffer.data_ptr() for name, buffer in loss.named_buffers()}
        play_measures(loss, [0.5] * 6)
        assert {name: buffer.data_ptr() for name, buffer in loss.named_buffers()} == before
        assert set(before) >= {"k", "lr_scale"}


class TestLearningRate:
    def test_falls_when_a_window_is_no_better_than_the_best(self) -> None:
        loss = BEGANLoss(lr_patience=3, lr_decay=0.5)
        scales = []
        for window in [(1.0, 1.0, 1.0), (0.25, 0.5, 0.75), (1.0, 0.5, 0.75), (0.5, 0.5, 0.5), (0.1, 0.2, 0.3)]:
            play_measures(loss, window)
            scales.append(loss.lr_scale.item())
        # Means 1, 0.5 and 0.2 are new bests; 0.75 is none, and the second 0.5 only equals one.
        assert scales == [1.0, 1.0, 0.5, 0.25, 0.25]
        assert loss.best_mean.item() == pytest.approx(0.2)

    def test_falls_only_at_the_end_of_a_window(self) -> None:
        loss = BEGANLoss(lr_patience=4)
        play_measures(loss, [0.5] * 4 + [0.9] * 3)
        assert loss.lr_scale.item() == 1
        play_measures(loss, [0.9])
        assert loss.lr_scale.item() == 0.5

    def test_judges_m_and_not_the_real_error_alone(self) -> None:
        loss = BEGANLoss(gamma=0.5, lr_patience=1)
        play(loss, 0.4, 0.2)
        play(loss, 0.3, 0.9)
        # M went from 0.4 to 0.3 + |0.15 - 0.9| although L(x) fell.
        assert loss.lr_scale.item() == 0.5

    def test_zero_patience_keeps_the_rates(self) -> None:
        loss = BEGANLoss(lr_patience=0)
        play_measures(loss, [0.1, 0.9, 0.9, 0.9])
        assert loss.lr_scale.item() == 1

    def test_reaches_both_players_after_a_move(self) -> None:
        game = build(BEGANOptions(lr_patience=1), small_networks(), DATA).to(torch.float64)
        players = game.players()
        assert isinstance(game.loss, BEGANLoss)
        play_measures(game.loss, [0.5, 0.5])
        assert [player.lr_scale.item() for player in players if player.lr_scale is not None] == [0.5, 0.5]

    def test_state_is_all_that_resuming_needs(self) -> None:
        straight, stopped, resumed = (BEGANLoss(lambda_k=0.1, lr_patience=3) for _ in range(3))
        measures = [0.5, 0.4, 0.6, 0.7, 0.8, 0.9, 0.5, 0.5]
        play_measures(straight, measures)
        play_measures(stopped, measures[:5])
        resumed.load_state_dict(stopped.state_dict())
        play_measures(resumed, measures[5:])
        for name, value in straight.state_dict().items():
            assert torch.equal(value, resumed.state_dict()[name]), name
        assert all(value.isfinite() for value in BEGANLoss().state_dict().values())


class TestNetworks:
    @pytest.mark.parametrize(
        ("size", "expected"), [(8, (8, 1)), (16, (8, 2)), (28, (7, 3)), (32, (8, 3)), (128, (8, 5)), (12, (6, 2))]
    )
    def test_stages_lead_to_a_small_map(self, size: int, expected: tuple[int, int]) -> None:
        assert base_and_stages((1, size, size)) == expected

    @pytest.mark.parametrize("shape", [(1, 7, 7), (1, 30, 30), (1, 27, 27), (1, 28, 32), (1, 0, 0)])
    def test_other_shapes_are_refused_with_their_value(self, shape: tuple[int, int, int]) -> None:
        with pytest.raises(IncompatiblePartsError, match=f"not {shape[1]} x {shape[2]}"):
            small_networks(shape)

    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("size", [8, 16, 28, 32, 64, 128])
    def test_shapes_and_pixel_range(self, size: int, channels: int) -> None:
        generator, discriminator = small_networks((channels, size, size))
        images = generator(50 * generator.sample_latent(2, rng(), device="cpu"))
        assert images.shape == (2, channels, size, size)
        assert images.min() >= -1
        assert images.max() <= 1
        assert isinstance(discriminator, Autoencoder)
        assert discriminator.reconstruct(images).shape == images.shape
        assert discriminator(images).shape == (2,)

    def test_filters_grow_linearly_in_the_encoder_and_stay_in_the_decoder(self) -> None:
        _, discriminator = small_networks((1, 32, 32), width=4)
        assert isinstance(discriminator, Autoencoder)
        encoder = [m.out_channels for m in discriminator.encoder.modules() if isinstance(m, nn.Conv2d)]
        assert encoder == [4, 4, 4, 8, 8, 8, 12, 12, 12]
        decoder = [m.out_channels for m in discriminator.decoder.modules() if isinstance(m, nn.Conv2d)]
        assert decoder == [4, 4, 4, 4, 4, 4, 1]

    def test_generator_has_the_decoders_architecture_and_weights_of_its_own(self) -> None:
        generator, discriminator = small_networks((1, 28, 28))
        ours = {name.removeprefix("decoder."): p for name, p in generator.named_parameters()}
        theirs = {
            name.removeprefix("decoder."): p
            for name, p in discriminator.named_parameters()
            if name.startswith("decoder.")
        }
        assert {name: p.shape for name, p in ours.items()} == {name: p.shape for name, p in theirs.items()}
        assert all(ours[name].data_ptr() != theirs[name].data_ptr() for name in ours)

    def test_the_autoencoder_may_be_smaller_than_the_generator(self) -> None:
        options = BEGANNetOptions(latent_dim=5, hidden_dim=3, width=4, generator_width=6)
        generator, discriminator = build_networks(options, NetworkRequest(shape=SHAPE))
        assert generator.latent_dim == 5
        assert generator.decoder.project.weight.shape == (6 * 8**2, 5)
        assert discriminator.decoder.project.weight.shape == (4 * 8**2, 3)
        assert discriminator.encoder[-1].out_features == 3
        latent = generator.sample_latent(2, rng(), device="cpu")
        assert discriminator(generator(latent)).shape == (2,)

    def test_skip_adds_the_first_tensor_to_later_stages_alone(self) -> None:
        plain, skip = (small_networks((1, 32, 32), width=4, skip=choice).generator for choice in (False, True))
        extra = sum(p.numel() for p in skip.parameters()) - sum(p.numel() for p in plain.parameters())
        assert extra == 2 * (4 * 4 * 9)
        assert skip(torch.zeros(1, 5)).shape == (1, 1, 32, 32)

    def test_repeats_add_convolutions_to_each_stage(self) -> None:
        counts = [
            sum(isinstance(m, nn.Conv2d) for m in small_networks((1, 32, 32), repeats=repeats).generator.modules())
            for repeats in (1, 2, 3)
        ]
        assert counts == [4, 7, 10]

    def test_no_network_has_a_norm_layer(self) -> None:
        generator, discriminator = small_networks()
        norms = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
        assert not [m for m in (*generator.modules(), *discriminator.modules()) if isinstance(m, norms)]
        assert discriminator.energy
        assert not discriminator.mixes_batch

    def test_latents_are_uniform_from_minus_one_to_one(self) -> None:
        generator = small_networks().generator
        latent = generator.sample_latent(4000, rng(), device="cpu")
        assert latent.shape == (4000, 5)
        assert -1 <= latent.min() < -0.99
        assert 0.99 < latent.max() <= 1
        assert latent.square().mean().item() == pytest.approx(1 / 3, rel=0.02)
        assert torch.equal(latent, generator.sample_latent(4000, rng(), device="cpu"))

    @pytest.mark.parametrize("eta", [1, 2])
    def test_score_is_minus_each_images_own_error(self, eta: int) -> None:
        discriminator = Autoencoder(nn.Flatten(), nn.Sequential(nn.Linear(64, 64), nn.Unflatten(1, SHAPE)), eta=eta)
        images = torch.rand(3, *SHAPE, generator=rng()) * 2 - 1
        errors = [(image - discriminator.reconstruct(image[None])[0]).abs().pow(eta).mean() for image in images]
        torch.testing.assert_close(discriminator(images), -torch.stack(errors))

    def test_a_perfect_reconstruction_scores_zero(self) -> None:
        discriminator = Autoencoder(nn.Flatten(), nn.Unflatten(1, SHAPE))
        assert discriminator(torch.rand(3, *SHAPE)).tolist() == [0.0, 0.0, 0.0]

    def test_labels_are_refused_with_the_reason(self) -> None:
        with pytest.raises(IncompatiblePartsError, match="10 classes"):
            build_networks(BEGANNetOptions(), NetworkRequest(shape=SHAPE, classes=10))

    def test_state_dict_round_trip(self) -> None:
        game = build(BEGANOptions(), small_networks(), DATA)
        assert isinstance(game.loss, BEGANLoss)
        play_measures(game.loss, [0.5, 0.9])
        torch.manual_seed(1)
        options = BEGANNetOptions(latent_dim=5, width=4, repeats=2)
        other = build(BEGANOptions(), build_networks(options, request()), DATA)
        other.load_state_dict(game.state_dict())
        latent = game.generator.sample_latent(3, rng(), device="cpu")
        images = game.generator(latent)
        assert torch.equal(images, other.generator(latent))
        assert torch.equal(game.discriminator(images), other.discriminator(images))
        assert torch.equal(game.loss.window_mean, other.get_buffer("loss.window_mean"))


class TestGame:
    def test_settings_are_those_of_the_results_on_its_page(self) -> None:
        options = BEGANOptions()
        assert (options.gamma, options.lambda_k, options.lr_decay) == (1.0, 0.1, 0.5)
        assert (options.d_optimizer.name, options.d_optimizer.lr, options.g_optimizer.lr) == ("adam", 5e-4, 2e-3)
        assert (options.d_optimizer.weight_decay, options.g_optimizer.weight_decay) == (1e-4, 0.0)
        (variant,) = ganzoo_variants()
        assert (variant.backbone, variant.training["batch_size"]) == ("began-dense", 64)
        dense, convolutions = (backbone.options().model_dump() for backbone in ganzoo_backbones())
        assert dense == {"latent_dim": 64, "hidden_dim": 32, "width": 512, "generator_width": 16, "eta": 2}
        sizes = {"latent_dim": 32, "hidden_dim": None, "width": 16, "generator_width": None, "repeats": 1}
        assert convolutions == {**sizes, "skip": False, "eta": 1}

    def test_both_players_move_in_one_round_on_latents_of_their_own(self) -> None:
        game = build(BEGANOptions(), small_networks(), DATA)
        assert game.rounds(0) == (("d", "g"),)
        turn = turn_on(torch.rand(3, *SHAPE), "d", "g")
        assert not torch.equal(game.fake(turn, "d"), game.fake(turn, "g"))

    def test_a_discriminator_without_energy_is_refused(self) -> None:
        with pytest.raises(IncompatiblePartsError, match=r"BEGANLoss needs .* FreeCritic is none"):
            build(BEGANOptions(), Networks(small_networks().generator, FreeCritic()), DATA)

    @pytest.mark.parametrize("skip", [False, True])
    def test_every_parameter_gets_a_finite_nonzero_gradient(self, skip: bool) -> None:
        game = build(BEGANOptions(), small_networks((1, 28, 28), skip=skip), DATA)
        assert isinstance(game.loss, BEGANLoss)
        game.loss.k.fill_(0.3)
        for player in game.players():
            turn = turn_on(torch.rand(4, 1, 28, 28, generator=rng()) * 2 - 1, player.name)
            total = torch.stack(list(player.loss(turn).values())).sum()
            for gradient in torch.autograd.grad(total, list(player.params)):
                assert gradient.isfinite().all()
                assert gradient.any()

    def test_discriminator_learns_to_reconstruct_and_generator_to_be_reconstructed(self) -> None:
        game = build(BEGANOptions(), small_networks(repeats=1), DATA)
        errors = train(game, "d", "real", steps=40)
        assert errors[-1] < 0.5 * errors[0]
        errors = train(game, "g", "fake", steps=40)
        assert errors[-1] < 0.8 * errors[0]

    def test_k_moves_through_the_game(self) -> None:
        game = build(BEGANOptions(gamma=0.5, lambda_k=1.0), small_networks(), DATA)
        assert isinstance(game.loss, BEGANLoss)
        turn = turn_on(torch.rand(3, *SHAPE), "d", "g")
        real_error = game.discriminator_terms(turn)["real"].detach()
        fake_error = game.generator_terms(turn)["fake"].detach()
        game.after_update("d", {"real": real_error}, turn)
        game.after_update("g", {"fake": fake_error}, turn)
        torch.testing.assert_close(game.loss.k, (0.5 * real_error - fake_error).clamp(0, 1))


def train(game: GAN, name: str, term: str, steps: int) -> list[float]:
    """Let one player alone move on one batch; the values of one of its terms."""
    (player,) = (player for player in game.players() if player.name == name)
    optimizer = torch.optim.Adam(list(player.params), lr=5e-3)
    images = torch.full((8, *SHAPE), 0.8)
    images[:4, :, :4] = -0.8
    values = []
    for _ in range(steps):
        terms = player.loss(turn_on(images, name))
        optimizer.zero_grad()
        torch.autograd.backward(torch.stack(list(terms.values())).sum(), inputs=list(player.params))
        optimizer.step()
        values.append(float(terms[term].detach()))
    return values


def request() -> NetworkRequest:
    return NetworkRequest(shape=SHAPE)


def test_specs_leave_torch_unimported() -> None:
    code = """
        import sys
        import ganzoo_began.plugin as plugin
        assert plugin.ganzoo_variants() and plugin.ganzoo_backbones()
        assert "torch" not in sys.modules
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
