"""What every installed variant must do, whoever wrote it."""

import shutil

import pytest
import torch
from toys.playing import differences, play

from ganzoo.assembly import build_game
from ganzoo.config import find_specs, make_config
from ganzoo.data import DataInfo
from ganzoo.data.images import ImageSet
from ganzoo.data.resident import ResidentBatcher
from ganzoo.errors import IncompatiblePartsError
from ganzoo.game import GAN, Batch, Turn
from ganzoo.registry import registry
from ganzoo.training.engine import Engine
from ganzoo.training.engine.capture import tape_recorder
from ganzoo.training.engine.constancy import find_change, trace
from ganzoo.training.engine.parity import examine
from ganzoo.training.engine.syncs import find_syncs
from ganzoo.training.engine.tiers import Compiled, Graph
from ganzoo.training.seeding import seed_global
from ganzoo.training.session import Session

VARIANTS = sorted(registry().variants())
CPU = torch.device("cpu")
SMALL = {
    "mlp": {"g_widths": [16], "d_widths": [16], "latent_dim": 8},
    "dcgan": {"width": 4, "latent_dim": 8},
    "wgan-gp": {"width": 4, "latent_dim": 8},
    "began": {"width": 4, "latent_dim": 8, "repeats": 1},
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


def engine(variant, *, seed=0, conditional=False, **options):
    game = build(variant, seed=seed, conditional=conditional)
    rng = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (40, 1, 16, 16), generator=rng, dtype=torch.uint8)
    sets = {"images": ImageSet(images, torch.arange(40) % 10)}
    info = DataInfo(name="toy", channels=1, height=16, width=16, classes=tuple("0123456789"), sizes=(("train", 40),))
    batcher = ResidentBatcher(sets, info=info, batch_size=N, seed=seed, device=CPU, rounds=16)
    return Engine(game, batcher, seed=seed, device=CPU, **options)


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
def test_scores_are_one_number_an_image(variant):
    game = build(variant)
    assert isinstance(game, GAN)
    assert game.discriminator(turn(game).batch["images"]).shape == (N,)


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_player_gets_a_finite_gradient_in_every_weight_and_nobody_else_does(variant):
    game = build(variant)
    for player in game.players():
        for weight in game.parameters():
            weight.grad = None
        terms = player.loss(turn(game, players=(player.name,)))
        torch.stack(list(terms.values())).sum().backward(inputs=list(player.params))
        own = {id(weight) for weight in player.params}
        for name, weight in game.named_parameters():
            if id(weight) in own:
                assert weight.grad is not None, name
                assert weight.grad.isfinite().all(), name
            else:
                assert weight.grad is None, name
        moved = [weight for weight in player.params if weight.grad.abs().sum() > 0]
        assert len(moved) >= 0.8 * len(player.params)


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


def trained(variant, steps, *, seed=0):
    started = engine(variant, seed=seed)
    seed_global(seed)  # dropout draws from the global stream, which is the engine's to seed and to save
    for _ in range(steps):
        started.iterate()
    return started


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_seed_gives_the_same_bits_and_another_one_others(variant):
    one, two, other = (trained(variant, 3, seed=seed).game.state_dict() for seed in (0, 0, 1))
    for name, tensor in one.items():
        assert torch.equal(tensor, two[name]), name
    assert any(not torch.equal(tensor, other[name]) for name, tensor in one.items())


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_dropout_draws_from_the_global_stream(variant):
    started = engine(variant)
    before = torch.get_rng_state()
    started.iterate()
    drops = any(isinstance(module, torch.nn.Dropout) for module in started.game.modules())
    assert torch.equal(before, torch.get_rng_state()) != drops


@pytest.mark.parametrize("variant", VARIANTS)
def test_goes_on_from_its_state_bit_for_bit(variant):
    whole = trained(variant, 5).game.state_dict()
    first = trained(variant, 2)
    tensors = {group: {k: v.clone() for k, v in named.items()} for group, named in first.tensors().items()}
    resumed = trained(variant, 1, seed=0)
    resumed.restore(tensors, first.values())
    for _ in range(3):
        resumed.iterate()
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed.game.state_dict()[name]), name


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_discriminator_update_widens_the_gap_of_the_scores(variant):
    game = build(variant)
    (player,) = [player for player in game.players() if player.name == "d"]
    optimizer = torch.optim.Adam(player.params, lr=2e-3, betas=(0.5, 0.9))

    def gap():
        now = turn(game, seed=5)
        fake = game.fake(now, "d").detach()
        return (game.discriminator(now.batch["images"]).mean() - game.discriminator(fake).mean()).item()

    if variant == "began":
        game.loss.k.fill_(1.0)  # at k = 0 the discriminator does not look at fakes at all
    before = gap()
    for step in range(30):
        optimizer.zero_grad()
        torch.stack(list(player.loss(turn(game, players=("d",), seed=step)).values())).sum().backward()
        optimizer.step()
    assert gap() > before


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


LABELLED = [(name, False) for name in VARIANTS] + [(name, True) for name in VARIANTS if name != "began"]


def recorded(cycle):
    return Graph(cycle, tape_recorder, span=3)


def cut_into_stretches(cycle):
    return Compiled(cycle, lambda module: module)


@pytest.mark.parametrize("tier", [recorded, cut_into_stretches])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("variant", "conditional"), LABELLED)
def test_is_played_to_the_bit_by_every_tier(variant, conditional, precision, tier):
    eager, other = (engine(variant, conditional=conditional, precision=precision, ema=0.9) for _ in range(2))
    seed_global(0)
    expected = play(eager, 4)
    seed_global(0)
    assert differences(expected, play(other, 4, tier(other.cycle))) == []


@pytest.mark.parametrize(("variant", "conditional"), LABELLED)
def test_a_step_asks_for_no_value_and_does_not_change(variant, conditional):
    started = engine(variant, conditional=conditional)
    (plan,) = started.plans(1)

    def played(watched):
        started.prepare((plan,))
        return watched(lambda: started.cycle.play(plan))

    assert played(find_syncs) == []
    assert find_change(played(trace), played(trace)) == ""


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
