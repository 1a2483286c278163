"""How one iteration of a game is executed."""

from .eager import EagerEngine

__all__ = ["EagerEngine"]
