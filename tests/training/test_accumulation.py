"""An update from several batches: the large batch where losses are means over samples, and complete when resumed."""

import pytest
import torch
from toys import games
from toys.data import ToyBatcher

from ganzoo.game import Batch
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
