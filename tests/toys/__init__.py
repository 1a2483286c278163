"""Toy games that stand for whole families of GANs, tiny enough to train in milliseconds.

:data:`GAMES` names a builder for each; :class:`ToyBatcher` feeds any of them; :class:`PlainEngine` plays them as the
contract is written, with no cleverness at all, so that real engines can be compared with it.
"""

from .data import ToyBatcher
from .engine import PlainEngine
from .games import GAMES, build
from .losses import R1, R2, EnergyBalance, LeastSquares, Logistic, OffCentre, Relativistic, Wasserstein
from .networks import BatchNormDiscriminator, CodeGenerator, EnergyDiscriminator, TinyDiscriminator, TinyGenerator
from .translation import CycleGame, ImagePool

__all__ = [
    "GAMES",
    "R1",
    "R2",
    "BatchNormDiscriminator",
    "CodeGenerator",
    "CycleGame",
    "EnergyBalance",
    "EnergyDiscriminator",
    "ImagePool",
    "LeastSquares",
    "Logistic",
    "OffCentre",
    "PlainEngine",
    "Relativistic",
    "TinyDiscriminator",
    "TinyGenerator",
    "ToyBatcher",
    "Wasserstein",
    "build",
]
