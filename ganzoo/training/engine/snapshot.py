"""All state of an engine at one moment, to be put back in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from .engine import Engine


class Snapshot:
    """Copies of everything that an iteration moves.

    Args:
        engine: whose state is copied.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.tensors = {
            group: {name: tensor.clone() for name, tensor in tensors.items()}
            for group, tensors in engine.tensors().items()
        }
        self.values = engine.values()

    def restore(self) -> None:
        """Put everything back; every tensor keeps its memory."""
        self._engine.restore(self.tensors, self.values)

    def flat(self) -> dict[str, Tensor]:
        """All tensors by ``group/name``."""
        return {
            f"{group}/{name}": tensor for group, tensors in self.tensors.items() for name, tensor in tensors.items()
        }
