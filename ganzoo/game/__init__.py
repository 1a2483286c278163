"""The contracts: what a variant is made of, and the rules that its step obeys.

A **game** is played by **players** (each: parameters, a loss, an optimizer) in **rounds** (each: one batch, one memo).
The trainer knows nothing else, so a vanilla GAN, a four-network CycleGAN and a one-player autoencoder share one loop.
Most plugins write a :class:`Generator`, a :class:`Discriminator` and a :class:`Loss`, and hand them to :class:`GAN`.

**The five rules of the step.** They make the same code run eagerly and captured in a CUDA graph.

1. No host synchronisation inside a step: no ``.item()``, ``.cpu()``, ``.numpy()``, no ``if`` on a tensor's value.
2. Static shapes: every step has the same; the end of an epoch is not a special case.
3. State that changes from step to step is a tensor buffer, updated in place, in ``after_update`` and never in a loss.
4. Randomness comes from ``turn.rng``. The global RNG (dropout) belongs to the engine, which seeds and saves it;
   a plugin never seeds anything.
5. Losses return tensors. Only the engine calls ``backward`` and ``step``. All networks exist from the start; a game
   with stages chooses among them through ``rounds``.
"""

from .batch import Batch, Terms, Turn
from .game import DataNeeds, Game, Plan
from .gan import GAN
from .loss import Loss, Penalty
from .networks import Discriminator, FeatureDiscriminator, Generator, Networks
from .player import Player
from .schedule import multiplier

__all__ = [
    "GAN",
    "Batch",
    "DataNeeds",
    "Discriminator",
    "FeatureDiscriminator",
    "Game",
    "Generator",
    "Loss",
    "Networks",
    "Penalty",
    "Plan",
    "Player",
    "Terms",
    "Turn",
    "multiplier",
]
