"""Games that break one rule each; the check that must catch each is in :data:`ganzoo_faults.plugin.FAULTS`."""

from __future__ import annotations

from collections.abc import Callable

from ganzoo.game import GAN

from . import contract, gradients, images, learning, numbers, state  # noqa: F401 - each makes its faults known
from .building import BUILDERS


def __getattr__(name: str) -> Callable[..., GAN]:
    if name not in BUILDERS:
        raise AttributeError(name)
    return lambda options, networks, data: BUILDERS[name]()
