"""Marks on fields of options that say how their flags look. Free of tyro, whose import takes a tenth of a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How a field stands on the command line, as ``Annotated[type, Mark(...)]``.

    Attributes:
        name: the flag's name in place of the field's; of nested options, "" leaves the field's name out of the flags.
        aliases: further flags, such as ``-n``.
        metavar: stands for the value in help.
        positional: a word without a flag.
        hidden: no flag at all.
        one_way: a switch without its ``--no-`` form.
    """

    name: str | None = None
    aliases: tuple[str, ...] = ()
    metavar: str | None = None
    positional: bool = False
    hidden: bool = False
    one_way: bool = False


FLAT: Final = Mark(name="")
"""Nested options whose name their flags leave out: ``Annotated[TrainingOptions, FLAT]`` gives ``--steps``."""
HIDDEN: Final = Mark(hidden=True)
"""A value that the command line does not set."""
POSITIONAL: Final = Mark(positional=True)
"""A word without a flag."""

Switch = Annotated[bool, Mark(one_way=True)]
"""A flag that turns something on."""
JsonSwitch = Annotated[bool, Mark(name="json", one_way=True)]
"""``--json``."""
