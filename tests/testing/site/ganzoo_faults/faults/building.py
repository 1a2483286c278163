"""What faults are built from, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toys.games import OPTIONS
from toys.losses import Logistic
from toys.networks import TinyDiscriminator, TinyGenerator

from ganzoo.game import GAN, Loss

Build = Callable[[], GAN]
BUILDERS: dict[str, Build] = {}


def fault(build: Build) -> Build:
    """Make ``build`` known by its name without the underscore."""
    BUILDERS[build.__name__.removeprefix("_")] = build
    return build


def gan(loss: Loss | None = None, *, g: Any = TinyGenerator, d: Any = TinyDiscriminator, kind: Any = GAN) -> GAN:
    """A small GAN with one part exchanged."""
    made: GAN = kind(g(), d(), loss or Logistic(), OPTIONS)
    return made
