"""ganzoo-dcgan: what it declares, its networks at every size, and a game with them."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ganzoo.data import DataInfo
from ganzoo.errors import IncompatiblePartsError
from ganzoo.game import GAN, Batch, Networks, Penalty, Terms, Turn
from ganzoo.registry import NetworkRequest
from ganzoo_dcgan.dcgan import SIZES, DCGANDiscriminator, build, build_networks
from ganzoo_dcgan.plugin import DCGAN, DCGAN_BACKBONE, DCGANNetOptions, DCGANOptions, ganzoo_backbones, ganzoo_variants

NORMS = ("batch", "layer", "instance", "none")
NORM_LAYERS = nn.BatchNorm2d | nn.GroupNorm | nn.InstanceNorm2d


def small(
    size: int = 28, channels: int = 1, classes: int | None = None, per_sample_scores: bool = False, **changes: object
) -> Networks:
    options = DCGANNetOptions.model_validate({"latent_dim": 6, "width": 4, **changes})
    shape = (channels, size, size)
    return build_networks(options, NetworkRequest(shape=shape, classes=classes, per_sample_scores=per_sample_scores))


def check_gradients(*networks: nn.Module) -> None:
    for network in networks:
        for name, weight in network.named_parameters():
            assert weight.grad is not None, name
            assert torch.isfinite(weight.grad).all(), name
            assert weight.grad.abs().sum() > 0, name


def labels(classes: int | None, n: int) -> Tensor | None:
    return None if classes is None else torch.arange(n) % classes


def test_declares_the_variant_and_its_backbone() -> None:
    assert ganzoo_variants() == [DCGAN]
    assert ganzoo_backbones() == [DCGAN_BACKBONE]
    assert DCGAN.backbone == DCGAN_BACKBONE.name
    assert DCGAN.training == {"batch_size": 64}


def test_plugin_module_leaves_torch_unimported() -> None:
    code = "import sys, ganzoo_dcgan.plugin; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_optimizers_are_the_papers_but_for_the_rate() -> None:
    options = DCGANOptions()
    for optimizer in (options.d_optimizer, options.g_optimizer):
        assert (optimizer.name, optimizer.lr, optimizer.betas) == ("adam", 5e-4, (0.5, 0.999))


@pytest.mark.parametrize("classes", [None, 4])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_shapes_range_and_gradients(size: int, channels: int, classes: int | None) -> None:
    generator, discriminator = small(size, channels, classes)
    images = generator(torch.randn(4, 6), labels(classes, 4))
    assert images.shape == (4, channels, size, size)
    assert images.abs().max() <= 1
    scores = discriminator(images, labels(classes, 4))
    assert scores.shape == (4,)
    scores.square().sum().backward()
    check_gradients(generator, discriminator)


@pytest.mark.parametrize("norm", NORMS)
def test_every_norm_trains_every_parameter(norm: str) -> None:
    generator, discriminator = small(16, g_norm=norm, d_norm=norm)
    discriminator(generator(torch.randn(4, 6))).square().sum().backward()
    check_gradients(generator, discriminator)


@pytest.mark.parametrize(
    ("shape", "named"),
    [((1, 30, 30), "30 x 30"), ((3, 32, 28), "32 x 28"), ((1, 4, 4), "4 x 4"), ((1, 256, 256), "256")],
)
def test_other_sizes_are_refused_with_the_choices_and_the_fix(shape: tuple[int, int, int], named: str) -> None:
    with pytest.raises(IncompatiblePartsError, match=named) as caught:
        build_networks(DCGANNetOptions(), NetworkRequest(shape=shape))
    assert "28 x 28" in str(caught.value)
    assert "--image-size 32" in str(caught.value)


@pytest.mark.parametrize(("size", "g_mflop", "d_mflop"), [(28, 26.30, 26.09), (32, 34.90, 34.09)])
def test_default_width_costs_what_it_is_said_to_cost(size: int, g_mflop: float, d_mflop: float) -> None:
    networks = build_networks(DCGANNetOptions(), NetworkRequest(shape=(1, size, size)))
    for network, given, expected in zip(
        networks, (torch.randn(1, 100), torch.randn(1, 1, size, size)), (g_mflop, d_mflop), strict=True
    ):
        with FlopCounterMode(display=False) as counter:
            network.eval()(given)
        assert counter.get_total_flops() / 1e6 == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("size", "hidden", "units"), [(28, None, 1024), (28, 0, None), (28, 7, 7), (32, None, None), (32, 7, 7)]
)
def test_the_hidden_layers_are_those_of_the_authors_code(size: int, hidden: int | None, units: int | None) -> None:
    generator, discriminator = small(size, hidden=hidden)
    linear = [layer for layer in generator.modules() if isinstance(layer, nn.Linear)]
    assert [layer.out_features for layer in linear[:-1]] == ([units] if units else [])
    assert linear[0].in_features == 6
    linear = [layer for layer in discriminator.modules() if isinstance(layer, nn.Linear)]
    assert [layer.out_features for layer in linear] == ([units, 1] if units else [1])
    assert discriminator.feature_dim == linear[-1].in_features


@pytest.mark.parametrize(
    ("d_norm", "per_sample_scores", "layer"),
    [
        ("auto", False, nn.BatchNorm1d),
        ("auto", True, nn.LayerNorm),
        ("instance", False, nn.LayerNorm),
        ("none", False, None),
    ],
)
def test_the_hidden_layer_has_the_norm_of_its_network(d_norm: str, per_sample_scores: bool, layer: type | None) -> None:
    discriminator = small(28, d_norm=d_norm, per_sample_scores=per_sample_scores).discriminator
    vectors = [module for module in discriminator.modules() if isinstance(module, nn.BatchNorm1d | nn.LayerNorm)]
    assert [type(each) for each in vectors] == ([layer] if layer else [])
    assert discriminator.mixes_batch == (layer is nn.BatchNorm1d)


def test_norm_stands_neither_at_the_generators_output_nor_at_the_discriminators_input() -> None:
    generator, discriminator = small(32)
    g_layers = [layer for layer in generator.modules() if isinstance(layer, nn.ConvTranspose2d | NORM_LAYERS)]
    d_layers = [layer for layer in discriminator.modules() if isinstance(layer, nn.Conv2d | NORM_LAYERS)]
    assert [isinstance(layer, NORM_LAYERS) for layer in g_layers] == [True, False, True, False, True, False]
    assert [isinstance(layer, NORM_LAYERS) for layer in d_layers] == [False, False, True, False, True]
    assert all(layer.eps == 1e-5 for layer in (*g_layers, *d_layers) if isinstance(layer, nn.BatchNorm2d))


def test_weights_start_as_in_the_paper() -> None:
    torch.manual_seed(0)
    generator, discriminator = build_networks(DCGANNetOptions(), NetworkRequest(shape=(3, 32, 32)))
    for layer in [*generator.modules(), *discriminator.modules()]:
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.1)
            assert layer.weight.mean().item() == pytest.approx(0, abs=0.002)
        elif isinstance(layer, nn.BatchNorm2d):
            assert layer.weight.mean().item() == pytest.approx(1, abs=0.02)
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.4)
            assert layer.bias.abs().max() == 0


@pytest.mark.parametrize(
    ("d_norm", "per_sample_scores", "layer", "mixes_batch"),
    [
        ("auto", False, nn.BatchNorm2d, True),
        ("auto", True, nn.GroupNorm, False),
        ("batch", True, nn.BatchNorm2d, True),
        ("layer", False, nn.GroupNorm, False),
        ("instance", False, nn.InstanceNorm2d, False),
    ],
)
def test_the_discriminators_norm(d_norm: str, per_sample_scores: bool, layer: type, mixes_batch: bool) -> None:
    discriminator = small(32, per_sample_scores=per_sample_scores, d_norm=d_norm).discriminator
    norms = [module for module in discriminator.modules() if isinstance(module, NORM_LAYERS)]
    assert [type(norm) for norm in norms] == [layer] * 2
    assert discriminator.mixes_batch is mixes_batch


@pytest.mark.parametrize("d_norm", ["auto", *NORMS])
def test_mixes_batch_tells_the_truth(d_norm: str) -> None:
    discriminator = small(16, d_norm=d_norm).discriminator
    images = torch.rand(4, 1, 16, 16) * 2 - 1
    alone, together = discriminator(images[:2])[0], discriminator(images)[0]
    assert torch.allclose(alone, together, rtol=1e-4) is not discriminator.mixes_batch


def test_a_discriminator_without_room_for_a_norm_does_not_mix() -> None:
    assert small(8, d_norm="batch").discriminator.mixes_batch is False


def test_a_per_sample_penalty_refuses_batch_norm_that_was_set_by_hand() -> None:
    class Own(Penalty):
        def points(self, real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
            return real

        def terms(self, scores: Tensor, points: Tensor) -> Terms:
            return {}

    def game(d_norm: str) -> GAN:
        networks = small(16, per_sample_scores=True, d_norm=d_norm)
        loss = build(DCGANOptions(), networks, DataInfo(name="toy", channels=1, height=16, width=16)).loss
        return GAN(networks.generator, networks.discriminator, loss, penalties=[Own()])

    game("auto")
    with pytest.raises(IncompatiblePartsError, match="batch norm"):
        game("batch")


def test_features_lead_to_scores() -> None:
    discriminator = small(28, classes=3).discriminator.eval()
    assert isinstance(discriminator, DCGANDiscriminator)
    images = torch.rand(4, 1, 28, 28) * 2 - 1
    features = discriminator.features(images)
    assert features.shape == (4, discriminator.feature_dim)
    torch.testing.assert_close(discriminator(images, labels(3, 4)), discriminator.score(features, labels(3, 4)))


def test_score_is_the_projection_of_miyato_and_koyama() -> None:
    discriminator = small(16, classes=3).discriminator
    assert isinstance(discriminator, DCGANDiscriminator)
    features, y = torch.randn(2, discriminator.feature_dim), torch.tensor([2, 0])
    expected = [
        (discriminator.head.weight[0] + discriminator.projection.weight[label]) @ feature + discriminator.head.bias[0]
        for feature, label in zip(features, y, strict=True)
    ]
    torch.testing.assert_close(discriminator.score(features, y), torch.stack(expected))


def test_labels_change_images() -> None:
    generator = small(16, classes=3).generator.eval()
    images = generator(torch.randn(1, 6).expand(2, -1), torch.tensor([0, 1]))
    assert not torch.allclose(images[0], images[1])


def test_dropout_layers_follow_the_option() -> None:
    dropped = [layer.p for layer in small(32, dropout=0.3).discriminator.modules() if isinstance(layer, nn.Dropout)]
    assert dropped == [0.3] * 3
    assert not any(isinstance(layer, nn.Dropout) for layer in small(32).discriminator.modules())


def test_state_dict_round_trip() -> None:
    latent = torch.randn(3, 6)
    first, second = small(16).generator.eval(), small(16).generator.eval()
    assert not torch.equal(first(latent), second(latent))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(latent), second(latent))


@pytest.mark.parametrize("classes", [None, 4])
def test_a_round_is_a_function_of_its_random_state(classes: int | None) -> None:
    data = DataInfo(name="toy", channels=1, height=16, width=16)
    game = build(DCGANOptions(), small(16, classes=classes), data)
    batch = Batch(images=torch.rand(8, 1, 16, 16) * 2 - 1, labels=torch.arange(8) % 4)

    def play() -> dict[str, float]:
        turn = Turn(batch=batch, rng=torch.Generator().manual_seed(3), step=torch.tensor(0), players=("d", "g"))
        terms = {f"{player.name}/{name}": term for player in game.players() for name, term in player.loss(turn).items()}
        return {name: value.item() for name, value in {**terms, **turn.shown}.items()}

    assert play() == play()
    assert play().keys() == {"d/real", "d/fake", "g/fake", "accuracy_real", "accuracy_fake"}
