"""What a new plugin is called, in each place where it has a name."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ganzoo.errors import ConfigError

_LONGEST = 30
"""With longer names, lines of the templates would outgrow the width that they are formatted to."""
_PREFIX = "ganzoo-"
_WORDS = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FIX = "choose another name, such as my-gan"


@dataclass(frozen=True)
class Names:
    """The names of a plugin.

    Attributes:
        name: of the variant and of its networks, ``my-gan``.
    """

    name: str

    @property
    def distribution(self) -> str:
        """``ganzoo-my-gan``, which is the folder too."""
        return f"{_PREFIX}{self.name}"

    @property
    def module(self) -> str:
        """``my_gan``, the module that holds the variant."""
        return self.name.replace("-", "_")

    @property
    def package(self) -> str:
        """``ganzoo_my_gan``."""
        return f"ganzoo_{self.module}"

    @property
    def prefix(self) -> str:
        """``MyGan``, with which its classes begin."""
        return "".join(word.capitalize() for word in self.name.split("-"))


def name_plugin(name: str, taken: Mapping[str, str]) -> Names:
    """The names of a new plugin ``name``.

    Args:
        name: lower-case words joined by hyphens.
        taken: what is installed already: a name and, in words, what has it.

    Raises:
        ConfigError: nothing can be called ``name``, or something is.
    """
    names = Names(name)
    if name.startswith(_PREFIX):
        raise ConfigError(
            f"NAME {name!r} begins with {_PREFIX}, which is put before it", fix=f"write {name.removeprefix(_PREFIX)}"
        )
    if not _WORDS.fullmatch(name):
        raise ConfigError(f"NAME is {name!r}; names are lower-case words joined by hyphens", fix=_instead(name))
    if len(name) > _LONGEST:
        raise ConfigError(f"NAME {name!r} has {len(name)} characters, more than {_LONGEST}", fix="choose a shorter one")
    if not names.module.isidentifier():
        raise ConfigError(f"NAME {name!r} begins with a digit, and its module {names.module}.py cannot", fix=_FIX)
    if keyword.iskeyword(names.module) or names.module == "plugin":
        whose = "a word of Python" if names.module != "plugin" else "the module that declares what there is"
        raise ConfigError(f"NAME is {name!r}, which is {whose}", fix=_FIX)
    if name in taken:
        raise ConfigError(f"NAME {name!r} is taken by {taken[name]}", fix="choose another name, or uninstall that one")
    return names


def _instead(name: str) -> str:
    """A name that would do, made of ``name`` if something is left of it."""
    words = "-".join(re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()))
    return f"write {words}" if words and not words[0].isdigit() else _FIX
