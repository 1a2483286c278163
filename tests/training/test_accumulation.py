"""An update from several batches: the large batch where losses are means over samples, in the memory of a small one."""

import weakref
from dataclasses import replace

import pytest
import torch
from toys import games
from toys.data import ToyBatcher
from toys.losses import Logistic
from toys.networks import HIDDEN, TinyDiscriminator, TinyGenerator
from toys.playing import differences, make_engine, play

from ganzoo.game import GAN, Batch
from ganzoo.training.engine import Engine

CPU = torch.device("cpu")


class Halves(ToyBatcher):
    """The batches of a ToyBatcher of twice the size, a half at a time."""

    def draw(self):
        start = self._drawn
        whole = ToyBatcher(self.needs, batch_size=2 * self.batch_size, seed=self.seed)
        whole.restore(start - start % whole.batch_size)
        batch = whole.draw()
        offset = start % whole.batch_size
        self._drawn = start + self.batch_size
        return Batch({name: tensor[offset : offset + self.batch_size] for name, tensor in batch.items()})


def make(name, *, accumulate=1, batcher=ToyBatcher, batch_size=4, seed=0):
    game = games.build(name, seed=0).train()
    return Engine(game, batcher(game.needs, batch_size=batch_size), seed=seed, device=CPU, accumulate=accumulate)


class SplitLatents:
    """Makes two halves get the latents that one large batch gets."""

    def __init__(self, engine, parts):
        self.parts, self.left = parts, []
        self.draw = engine.game.generator.sample_latent
        engine.game.generator.sample_latent = self

    def __call__(self, n, rng, *, device):
        if not self.left:
            self.left = list(self.draw(n * self.parts, rng, device=device).chunk(self.parts))
        return self.left.pop(0)


def test_two_halves_make_the_update_of_the_whole():
    whole, halves = make("vanilla", batch_size=8), make("vanilla", accumulate=2, batcher=Halves)
    SplitLatents(whole, 1)
    SplitLatents(halves, 2)
    for _ in range(5):
        whole.iterate()
        halves.iterate()
    for name, tensor in whole.game.state_dict().items():
        assert torch.allclose(halves.game.state_dict()[name], tensor, rtol=1e-4, atol=1e-5), name
    ours, theirs = halves.meter.read(), whole.meter.read()
    assert ours == pytest.approx(theirs, rel=1e-4)
    assert halves.batcher.drawn == whole.batcher.drawn == 40


@pytest.mark.parametrize("name", ["vanilla", "critic", "energy", "cycle", "info"])
def test_a_resumed_run_goes_on_bit_for_bit(name):
    whole = make(name, accumulate=3)
    for _ in range(5):
        whole.iterate()
    first = make(name, accumulate=3)
    for _ in range(2):
        first.iterate()
    second = make(name, accumulate=3, seed=9)
    second.restore(first.tensors(), first.values())
    for _ in range(3):
        second.iterate()
    for key, tensor in whole.game.state_dict().items():
        assert torch.equal(second.game.state_dict()[key], tensor), key


def test_after_update_is_told_the_means():
    engine = make("energy", accumulate=2)
    told = []
    original = engine.game.after_update
    engine.game.after_update = lambda player, terms, turn: (told.append((player, terms)), original(player, terms, turn))
    engine.iterate()
    assert [player for player, _ in told] == ["d", "g"]
    logged = engine.meter.read()
    for player, terms in told:
        for name, value in terms.items():
            assert logged[f"{player}/{name}"] == pytest.approx(value.item(), rel=1e-6)


class Waiting:
    """A tensor that waits for a backward pass."""

    def __init__(self, tensor):
        self.tensor = tensor


def most_waiting(name, accumulate):
    """The most tensors that wait for a backward pass at one moment of an iteration."""
    engine, alive, most = make(name, accumulate=accumulate), weakref.WeakSet(), 0

    def keep(tensor):
        nonlocal most
        alive.add(waiting := Waiting(tensor))
        most = max(most, len(alive))
        return waiting

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda waiting: waiting.tensor):
        engine.iterate()
    return most


# The growing game's first generator has a part that does not play yet, whose graph no backward pass frees.
@pytest.mark.parametrize("name", sorted(games.GAMES.keys() - {"growing"}))
def test_no_graph_waits_while_other_batches_are_played(name):
    assert most_waiting(name, 6) <= most_waiting(name, 1)


def normalised():
    """A GAN whose generator has running statistics."""
    generator = TinyGenerator()
    generator.body.insert(1, torch.nn.BatchNorm1d(HIDDEN))
    return GAN(generator, TinyDiscriminator(), Logistic(), games.OPTIONS)


@pytest.mark.parametrize("name", ["vanilla", "conditional", "relativistic", "auxiliary", "info", "normalised"])
@pytest.mark.parametrize("players", [("d", "g"), ("g", "d")])
def test_fakes_that_are_made_anew_are_the_same(name, players, monkeypatch):
    """Down to the running statistics, which a second pass would move twice."""

    def engine():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            game = normalised() if name == "normalised" else games.build(name)
        monkeypatch.setattr(game, "rounds", lambda iteration: (players,))
        return make_engine(game, accumulate=3)

    anew, kept = engine(), engine()
    turn = kept.cycle._turn
    monkeypatch.setattr(kept.cycle, "_turn", lambda names: replace(turn(names), batches=1))
    assert differences(play(anew, 4), play(kept, 4)) == []


def test_a_generator_that_plays_alone_moves_its_statistics():
    game = normalised()
    game.rounds = lambda iteration: (("g",),)
    play(make_engine(game, accumulate=3), 2)
    assert game.generator.body[1].num_batches_tracked == 6
