"""``ganzoo new-plugin NAME``: write a plugin that works, to be changed into what it is to be."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

from ganzoo.errors import ConfigError
from ganzoo.options import Options
from ganzoo.registry import BackboneSpec, Registry, VariantSpec, registry
from ganzoo.registry.records import WORDS
from ganzoo.scaffold import GAMES, Kind, Names, name_plugin, write_plugin

from .args import parse
from .console import out
from .marks import Mark


class NewPluginOptions(Options):
    """Write a whole distribution ganzoo-NAME: options, a variant, tests, and what packages them."""

    name: Annotated[str, Mark(positional=True, metavar="NAME")] = ""
    """Name of the variant: lower-case words joined by hyphens."""
    game: Kind = "gan"
    """gan: a loss and two networks for the usual game; custom: a game with players of its own."""
    out: Path = Path()
    """The folder in which ganzoo-NAME is written."""


def main(argv: list[str]) -> int:
    """Run ``ganzoo new-plugin``."""
    options = parse(NewPluginOptions, argv, prog="ganzoo new-plugin")
    if not options.name:
        raise ConfigError("no name was given", fix="ganzoo new-plugin NAME, such as ganzoo new-plugin my-gan")
    names = name_plugin(options.name, _taken(registry()))
    folder = write_plugin(names, game=options.game, out=options.out)
    _tell(names, folder, GAMES[options.game])
    return 0


def _taken(found: Registry) -> dict[str, str]:
    """Every name that a new plugin and its networks cannot have, with what has it."""
    taken = {plugin.name: f"the plugin of {plugin.origin}" for plugin in found.plugins}
    for plugin in found.plugins:
        taken[plugin.origin.distribution.removeprefix("ganzoo-")] = f"the distribution {plugin.origin}"
    for kind in (BackboneSpec, VariantSpec):
        for plugin in found.plugins:
            of_kind = [spec for spec in plugin.specs if isinstance(spec, kind)]
            taken |= {spec.name: f"the {WORDS[kind]} of {plugin.origin}" for spec in of_kind}
    return taken


def _tell(names: Names, folder: Path, what: str) -> None:
    place = shlex.quote(str(folder))
    lines = [
        f"{folder}: {what}",
        "",
        f"  pip install -e {shlex.quote(f'{folder}[dev]')}",
        f"  ganzoo run {names.name} --dataset digits",
        f"  ganzoo check {names.name}",
        f"  cd {place} && pytest && ruff check && ruff format --check && mypy",
        "",
        f"What to change: {names.package}/{names.module}.py, and its options in {names.package}/plugin.py.",
    ]
    out.print("\n".join(lines), markup=False, soft_wrap=True)
