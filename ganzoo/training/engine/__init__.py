"""How one iteration of a game is executed."""

from .engine import Engine

__all__ = ["Engine"]
