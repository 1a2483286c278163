"""A snapshot is put back exactly, and in place, since captured steps and compiled ones know memory and not names."""

import pytest
import torch
from toys import games
from toys.faulty import OPTIONS
from toys.losses import Logistic
from toys.networks import BatchNormDiscriminator, TinyGenerator
from toys.playing import differences, make_engine, play

from ganzoo.game import GAN
from ganzoo.options import GANOptions, OptimizerSpec
from ganzoo.training.engine.snapshot import Snapshot


def with_optimizer(name, **options):
    spec = OptimizerSpec(name=name, lr=1e-2, **options)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        game_options = GANOptions(d_optimizer=spec, g_optimizer=spec)
        return GAN(TinyGenerator(), BatchNormDiscriminator(), Logistic(), game_options)


GAMES = {
    "adam": lambda: GAN(TinyGenerator(), BatchNormDiscriminator(), Logistic(), OPTIONS),
    "sgd with momentum": lambda: with_optimizer("sgd", momentum=0.9),
    "rmsprop with momentum": lambda: with_optimizer("rmsprop", momentum=0.5),
    "moving rate": lambda: games.build("energy"),
    "shared optimizer": lambda: games.build("lazy"),
    "image pool": lambda: games.build("cycle"),
}


def addresses(engine):
    tensors = {f"{group}/{name}": t for group, named in engine.tensors().items() for name, t in named.items()}
    rows = {f"meter/{index}": tensor for index, tensor in enumerate(engine.meter.tensors())}
    kept = {name: tensor for name, tensor in (tensors | rows).items() if not name.startswith("rng/")}
    return {name: tensor.data_ptr() for name, tensor in kept.items()} | {"step": engine.step.data_ptr()}


@pytest.mark.parametrize("name", sorted(GAMES))
def test_state_is_put_back_to_the_bit_and_in_place(name):
    engine = make_engine(GAMES[name]())
    snapshot = play(engine, 3)
    memory = addresses(engine)
    later = play(engine, 3)
    changed = {key.split("/")[0] for key in differences(snapshot, later)}
    assert changed == {"model", "optimizers", "exported", "rng", "values"}

    snapshot.restore()
    assert differences(snapshot, Snapshot(engine)) == []
    assert addresses(engine) == memory
    assert engine.step.item() == engine.iteration == 3
    assert differences(later, play(engine, 3)) == []


def test_what_is_logged_goes_on_from_there_too():
    engine = make_engine("vanilla")
    snapshot = play(engine, 3)
    play(engine, 2)
    logged = engine.meter.read()
    snapshot.restore()
    play(engine, 2)
    assert engine.meter.read() == logged
    assert engine.meter.read() == {}


def test_a_snapshot_is_a_copy():
    engine = make_engine("vanilla")
    snapshot = play(engine, 1)
    kept = {name: tensor.clone() for name, tensor in snapshot.flat().items()}
    play(engine, 2)
    assert kept.keys() == snapshot.flat().keys()
    assert all(torch.equal(tensor, kept[name]) for name, tensor in snapshot.flat().items())
    assert {name.split("/")[0] for name in kept} == {"model", "optimizers", "exported", "rng"}
