"""The checks by name. Free of torch: a check's function is imported when it is run."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ganzoo.errors import UnknownNameError


@dataclass(frozen=True)
class Check:
    """A check.

    Attributes:
        name: as on the command line.
        summary: what it holds a variant to, in one line.
        function: where it is, ``"module:function"`` below :mod:`ganzoo.testing.checks`.
        slow: takes minutes or a compiler, and so runs only where it is asked for by name.
        builds: needs the variant's game.
    """

    name: str
    summary: str
    function: str
    slow: bool = False
    builds: bool = True

    def load(self) -> Callable[[Any], None]:
        """The function, which gets a :class:`~ganzoo.testing.lab.Lab`."""
        module, _, name = self.function.partition(":")
        function: Callable[[Any], None] = getattr(importlib.import_module(f"ganzoo.testing.checks.{module}"), name)
        return function


CHECKS = {
    check.name: check
    for check in (
        Check("imports", "what the plugin declares is read without torch", "declared:imports", builds=False),
        Check(
            "options",
            "each option has a name of its own and a sentence, is bounded, and read back from a file",
            "declared:options",
            builds=False,
        ),
        Check("build", "the builder gives a game whose players and rounds fit", "built:build", builds=False),
        Check("images", "images have the shape of the data and pixels in [-1, 1]", "built:images"),
        Check("scores", "scores are one finite number an image, as the flags say", "built:scores"),
        Check("gradients", "each player gets finite gradients and moves its own weights alone", "updates:gradients"),
        Check("finite", "terms, weights and buffers stay finite, also at large scores", "updates:finite"),
        Check("syncs", "a step asks the device for no value", "rules:syncs"),
        Check("constant", "nothing but tensors changes between two iterations", "rules:constant"),
        Check("replay", "an iteration that was recorded and replayed equals one that was run", "rules:replay"),
        Check("randomness", "nothing seeds or draws from a random stream that is not its own", "rules:randomness"),
        Check("determinism", "one seed gives the same bits twice, and another seed others", "state:determinism"),
        Check("resume", "a run that is saved and loaded goes on bit for bit", "state:resume"),
        Check("direction", "d's updates widen real minus fake, g's raise the fake score", "direction:direction"),
        Check("learning", "points of three Gaussians are learnt, unlike with a frozen generator", "learning:learning"),
        Check("compile", "a compiled step passes the parity gate", "rules:compiled", slow=True),
    )
}
"""All checks, in the order in which they run."""


def choose(names: Iterable[str] | None = None) -> list[Check]:
    """The checks called ``names``; all but the slow ones if None.

    Raises:
        UnknownNameError: there is no such check.
    """
    if names is None:
        return [check for check in CHECKS.values() if not check.slow]
    wanted = list(names)
    for name in wanted:
        if name not in CHECKS:
            raise UnknownNameError.of("check", name, CHECKS, fix="see ganzoo check --list")
    return [check for check in CHECKS.values() if check.name in wanted]
