"""What every installed variant must do, whoever wrote it."""

import shutil

import pytest
import torch
from toys.playing import play

from ganzoo.assembly import build_game
from ganzoo.config import find_specs, make_config
from ganzoo.data import DataInfo
from ganzoo.errors import IncompatiblePartsError
from ganzoo.game import Batch, Turn
from ganzoo.registry import registry
from ganzoo.testing import Case, parametrize_with_checks
from ganzoo.training.engine.parity import examine
from ganzoo.training.engine.tiers import Compiled
from ganzoo.training.session import Session

VARIANTS = sorted(registry().variants())
SMALL = {
    "mlp": {"g_widths": [16], "d_widths": [16], "latent_dim": 8},
    "dcgan": {"width": 4, "latent_dim": 8},
    "wgan-gp": {"width": 4, "latent_dim": 8},
    "began": {"width": 4, "latent_dim": 8, "repeats": 1},
    "began-dense": {"width": 16, "latent_dim": 8, "generator_width": 4},
}
N = 6


def build(variant, *, channels=1, size=16, conditional=False, seed=0, backbone=None, net=None):
    spec, _ = find_specs(variant, backbone)
    raw = {"variant": variant, "conditional": conditional, "net": SMALL[backbone or spec.backbone] | (net or {})}
    config = make_config(raw | ({"backbone": backbone} if backbone else {}))
    classes = tuple("0123456789")
    info = DataInfo(name="toy", channels=channels, height=size, width=size, classes=classes)
    torch.manual_seed(seed)
    return build_game(config, info).train()


def turn(game, *, size=16, channels=1, players=("d", "g"), seed=0):
    rng = torch.Generator().manual_seed(seed)
    images = torch.rand(N, channels, size, size, generator=rng) * 2 - 1
    labels = torch.arange(N) % 10
    return Turn(Batch(images=images, labels=labels), rng, torch.tensor(0), players)


@parametrize_with_checks([*VARIANTS, *(Case(name, conditional=True) for name in VARIANTS if name != "began")])
def test_conforms(check):
    check()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [16, 28, 32, 64])
@pytest.mark.parametrize("variant", VARIANTS)
def test_images_have_the_shape_and_the_range_of_the_data(variant, size, channels):
    game = build(variant, size=size, channels=channels)
    rng = torch.Generator().manual_seed(0)
    images = game.generate(game.exported(), game.request(N, rng), rng)
    assert images.shape == (N, channels, size, size)
    assert images.dtype == torch.float32
    assert images.abs().max() <= 1
    assert images.std() > 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_terms_and_what_is_shown_are_finite_scalars(variant):
    game = build(variant)
    now = turn(game)
    for player in game.players():
        for name, term in player.loss(now).items():
            assert term.ndim == 0, name
            assert term.isfinite(), name
    assert now.shown
    for name, value in now.shown.items():
        assert value.ndim == 0, name
        assert not value.requires_grad, name


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "began"])
def test_labels_reach_both_networks(variant):
    game = build(variant, conditional=True)
    assert game.needs.labels
    rng = torch.Generator().manual_seed(0)
    latent = game.generator.sample_latent(1, rng, device="cpu").expand(2, -1)
    images = game.generate(game.generator, Batch(latent=latent, labels=torch.tensor([0, 7])), rng)
    assert not torch.equal(images[0], images[1])
    game.discriminator.eval()
    scores = game.discriminator(images[:1].expand(2, -1, -1, -1), torch.tensor([0, 7]))
    # A projection may start at zero; its gradient may not.
    tables = [module for module in game.discriminator.modules() if isinstance(module, torch.nn.Embedding)]
    scores[1].backward()
    assert scores[0] != scores[1] or any(table.weight.grad.abs().sum() > 0 for table in tables)


def test_began_says_why_it_takes_no_labels():
    with pytest.raises(IncompatiblePartsError, match="take no labels"):
        build("began", conditional=True)


@pytest.mark.parametrize("backbone", ["dcgan", "mlp", "wgan-gp"])
@pytest.mark.parametrize("variant", ["vanilla", "dcgan", "lsgan", "wgan-gp"])
def test_variants_and_backbones_mix(variant, backbone):
    game = build(variant, backbone=backbone)
    for player in game.players():
        assert all(term.isfinite() for term in player.loss(turn(game)).values())
    assert variant != "wgan-gp" or not game.discriminator.mixes_batch


@pytest.mark.parametrize("variant", VARIANTS)
def test_repr_names_the_parts(variant):
    text = repr(build(variant))
    for part in ("generator", "discriminator", "loss"):
        assert f"({part})" in text


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, ("g++", "clang++"))), reason="needs a C++ compiler")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("variant", ["vanilla", "wgan-gp"])
def test_a_compiled_step_passes_the_gate(variant, precision):
    raw = {"variant": variant, "data": {"dataset": "digits"}, "net": SMALL["mlp" if variant == "vanilla" else variant]}
    if variant == "wgan-gp":
        raw["options"] = {"n_critic": 2}  # each round is compiled
    training = {"batch_size": 16, "device": "cpu", "precision": precision, "ema": 0.9}
    started = Session(make_config(raw | {"training": training})).engine
    play(started, 3)
    parity = examine(started, Compiled(started.cycle), 2)
    assert parity.passed, parity.describe()
    assert precision == "bf16" or parity.error < 1e-3, parity.describe()
