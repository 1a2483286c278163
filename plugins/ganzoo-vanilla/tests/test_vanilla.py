"""ganzoo-vanilla: what it declares, its networks, and a game with them."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from ganzoo.data import DataInfo
from ganzoo.game import Batch, Networks, Turn
from ganzoo.parts.losses import NonSaturatingLoss
from ganzoo.registry import NetworkRequest
from ganzoo_vanilla.plugin import MLP, VANILLA, MLPOptions, VanillaOptions, ganzoo_backbones, ganzoo_variants
from ganzoo_vanilla.vanilla import MLPDiscriminator, MLPGenerator, build, build_networks

SMALL = MLPOptions(latent_dim=6, g_widths=(16, 24), d_widths=(24, 16))
SHAPE = (3, 5, 7)


def small(classes: int | None = None, **changes: object) -> Networks:
    return build_networks(SMALL.model_copy(update=changes), NetworkRequest(shape=SHAPE, classes=classes))


def labels(classes: int | None, n: int = 8) -> Tensor | None:
    return None if classes is None else torch.arange(n) % classes


def test_declares_the_variant_and_its_backbone() -> None:
    assert ganzoo_variants() == [VANILLA]
    assert ganzoo_backbones() == [MLP]
    assert VANILLA.backbone == MLP.name


def test_plugin_module_leaves_torch_unimported() -> None:
    code = "import sys, ganzoo_vanilla.plugin; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_defaults_are_those_of_the_documentation() -> None:
    options = VanillaOptions()
    for optimizer in (options.d_optimizer, options.g_optimizer):
        assert (optimizer.name, optimizer.lr, optimizer.betas) == ("adam", 1e-3, (0.5, 0.999))
    assert options.label_smoothing == 0
    net = MLPOptions()
    assert (net.g_widths, net.d_widths, net.dropout) == ((512, 1024), (1024, 512), 0.3)


@pytest.mark.parametrize("bad", [{"g_widths": ()}, {"d_widths": (0,)}, {"dropout": 1.0}, {"latent_dim": 0}])
def test_options_out_of_range_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(bad))):
        MLPOptions.model_validate(bad)


@pytest.mark.parametrize("g_norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("classes", [None, 4])
def test_shapes_range_and_gradients(g_norm: str, classes: int | None) -> None:
    generator, discriminator = small(classes, g_norm=g_norm)
    images = generator(torch.randn(8, 6), labels(classes))
    assert images.shape == (8, *SHAPE)
    assert images.abs().max() <= 1
    scores = discriminator(images, labels(classes))
    assert scores.shape == (8,)
    scores.square().sum().backward()
    for name, weight in [*generator.named_parameters(), *discriminator.named_parameters()]:
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name
        assert weight.grad.abs().sum() > 0, name


def test_score_is_the_head_on_the_features() -> None:
    discriminator = small().discriminator.eval()
    assert isinstance(discriminator, MLPDiscriminator)
    images = torch.rand(4, *SHAPE) * 2 - 1
    features = discriminator.features(images)
    assert features.shape == (4, discriminator.feature_dim)
    torch.testing.assert_close(discriminator(images), discriminator.score(features))


def test_labels_change_images_and_scores() -> None:
    generator, discriminator = (network.eval() for network in small(classes=4))
    latent = torch.randn(1, 6).expand(4, -1)
    images = generator(latent, torch.arange(4))
    assert not torch.allclose(images[0], images[1])
    scores = discriminator(images[:1].expand(4, -1, -1, -1), torch.arange(4))
    assert len(set(scores.tolist())) == 4


def test_generator_sees_the_label_as_one_hot() -> None:
    generator = small(classes=4).generator
    assert isinstance(generator, MLPGenerator)
    first = generator.layers[0]
    assert isinstance(first, nn.Linear)
    with torch.no_grad():
        first.weight[:, 6:].zero_()
    latent = torch.randn(2, 6)
    torch.testing.assert_close(generator(latent, torch.tensor([0, 1])), generator(latent, torch.tensor([2, 3])))


def test_scores_are_per_sample() -> None:
    discriminator = small(dropout=0.0).discriminator
    assert not discriminator.mixes_batch
    images = torch.rand(4, *SHAPE) * 2 - 1
    torch.testing.assert_close(discriminator(images)[:1], discriminator(images[:1]))


def test_dropout_layers_follow_the_option() -> None:
    assert [layer.p for layer in small(dropout=0.4).discriminator.modules() if isinstance(layer, nn.Dropout)] == [
        0.4
    ] * 2
    assert not any(isinstance(layer, nn.Dropout) for layer in small(dropout=0.0).discriminator.modules())


def test_state_dict_round_trip() -> None:
    latent = torch.randn(3, 6)
    first, second = small().generator, small().generator
    assert not torch.equal(first(latent), second(latent))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(latent), second(latent))


@pytest.mark.parametrize("classes", [None, 4])
def test_a_round_is_a_function_of_its_random_state(classes: int | None) -> None:
    data = DataInfo(name="toy", channels=3, height=5, width=7)
    game = build(VanillaOptions(label_smoothing=0.1), small(classes, dropout=0.0), data)
    assert isinstance(game.loss, NonSaturatingLoss)
    assert game.loss.label_smoothing == 0.1
    images = torch.rand(8, *SHAPE) * 2 - 1
    batch = Batch(images=images) if classes is None else Batch(images=images, labels=torch.arange(8) % classes)

    def play() -> dict[str, float]:
        turn = Turn(batch=batch, rng=torch.Generator().manual_seed(3), step=torch.tensor(0), players=("d", "g"))
        terms = {f"{player.name}/{name}": term for player in game.players() for name, term in player.loss(turn).items()}
        return {name: value.item() for name, value in {**terms, **turn.shown}.items()}

    assert play() == play()
    assert play().keys() == {"d/real", "d/fake", "g/fake", "accuracy_real", "accuracy_fake"}
