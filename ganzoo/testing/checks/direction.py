"""Which way the losses pull, seen in the scores.

From fresh weights, the discriminator is updated 30 times with the generator at rest, and then the generator 30 times
with the discriminator at rest, each by Adam at a rate of 1e-3, so that neither the variant's rate nor its schedule
plays a part. On a batch of their own, the mean score of real images minus that of fakes must have grown, and then the
mean score of fakes. A loss of the wrong sign moves either the other way; how often noise hides that is measured in
``tests/testing/test_error_rates.py``.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim import Adam

from ganzoo.game import GAN, Batch, Player, Turn
from ganzoo.testing.lab import Lab
from ganzoo.testing.places import of_object
from ganzoo.testing.report import FaultError, NotApplicableError
from ganzoo.training.engine import Engine
from ganzoo.training.seeding import generator

UPDATES = 30
RATE = 1e-3
Change = Callable[[Engine], None]


def direction(lab: Lab) -> None:
    """Update each of two players alone, and look at the scores."""
    game, gap, fake = measure(lab)
    if gap <= 0:
        raise FaultError(
            f"{UPDATES} updates of d changed mean D(real) - mean D(fake) by {gap:+.3g}; it must grow",
            where=of_object(game.loss.discriminator) or of_object(game.discriminator_terms),
            fix="higher scores mean more real: lower the terms when real scores rise and when fake ones fall",
        )
    if fake <= 0:
        raise FaultError(
            f"{UPDATES} updates of g changed mean D(fake) by {fake:+.3g}; it must grow",
            where=of_object(game.loss.generator) or of_object(game.generator_terms),
            fix="let the generator's terms fall when fake scores rise",
        )


def measure(lab: Lab, seed: int | None = None, change: Change = lambda engine: None) -> tuple[GAN, float, float]:
    """The game, the change of mean D(real) - mean D(fake) by d's updates, and that of mean D(fake) by g's.

    Args:
        lab: of the case.
        seed: in place of the case's.
        change: is given the engine before it plays, to break what it likes.
    """
    lab.gan()
    engine = lab.engine(seed=seed, batch_size=lab.case.batch_size)
    game = engine.game
    assert isinstance(game, GAN)
    if not {"d", "g"} <= engine.players.keys():
        raise NotApplicableError(f"the players are {', '.join(engine.players)}, and not d and g")
    change(engine)
    batch = _draw(engine)
    before = _means(game, batch)
    _update(engine, engine.players["d"])
    between = _means(game, batch)
    _update(engine, engine.players["g"])
    after = _means(game, batch)
    gap = (between[0] - between[1]) - (before[0] - before[1])
    return game, float(gap), float(after[1] - between[1])


def _draw(engine: Engine) -> Batch:
    engine.batcher.prepare(1)
    return engine.batcher.draw()


def _update(engine: Engine, player: Player) -> None:
    optimizer = Adam(player.params, lr=RATE, betas=(0.5, 0.9))
    for _ in range(UPDATES):
        turn = Turn(_draw(engine), engine.rng, engine.step, (player.name,))
        terms = player.loss(turn)
        for parameter in player.params:
            parameter.grad = None
        torch.stack(list(terms.values())).sum().backward(inputs=list(player.params))  # type: ignore[no-untyped-call]
        optimizer.step()
        if player.after is not None:
            player.after()
        engine.game.after_update(player.name, {name: term.detach() for name, term in terms.items()}, turn)


@torch.no_grad()
def _means(game: GAN, batch: Batch) -> tuple[Tensor, Tensor]:
    """The mean scores of real and of fake images, always with the same latents and dropout; buffers stay."""
    before = {name: tensor.clone() for name, tensor in game.state_dict().items()}
    labels = batch.get("labels")
    turn = Turn(batch, generator(0, "direction"), torch.tensor(0), ("d",))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        real = game.scores(game.noisy(batch["images"], turn), labels).mean()
        fake = game.scores(game.noisy(game.fake(turn, "d"), turn), labels).mean()
    game.load_state_dict(before)
    return real, fake
