"""The toy games as builders: ``ganzoo_faults.games:cycle`` and so on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toys.games import GAMES

from ganzoo.game import Game


def __getattr__(name: str) -> Callable[..., Game]:
    if name not in GAMES:
        raise AttributeError(name)

    def build(options: Any, networks: Any, data: Any) -> Game:
        return GAMES[name]()

    return build
