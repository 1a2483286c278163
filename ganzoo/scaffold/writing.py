"""Templates become a distribution, written whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Literal

import ganzoo
from ganzoo.errors import ConfigError

from .naming import Names

Kind = Literal["gan", "custom"]
GAMES: dict[Kind, str] = {
    "gan": "a loss and two networks for the two-player game, ganzoo.game.GAN",
    "custom": "a whole game with players of its own, ganzoo.game.Game",
}
"""What there are templates for."""

_ENDING = ".tmpl"


def write_plugin(names: Names, *, game: Kind, out: Path) -> Path:
    """Write the distribution of a plugin into ``out``, and return its folder.

    Raises:
        ConfigError: the folder exists, or ``out`` is none; nothing was written.
        OSError: the system refuses; nothing was left.
    """
    folder = out / names.distribution
    if os.path.lexists(folder):
        raise ConfigError(f"{folder} exists already", fix="choose another name or another --out, or remove it")
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out} is no folder", fix="name the folder in which the plugin's is to lie")
    written = render(names, game=game)
    out.mkdir(parents=True, exist_ok=True)
    unfinished = out / f".{names.distribution}.{os.getpid()}.tmp"
    try:
        for path, text in written.items():
            file = unfinished / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def render(names: Names, *, game: Kind) -> dict[str, str]:
    """The files of the distribution: their text by their path in its folder."""
    values = {
        "name": names.name,
        "distribution": names.distribution,
        "module": names.module,
        "package": names.package,
        "Prefix": names.prefix,
        "requirement": _requirement(ganzoo.__version__),
    }
    top = files("ganzoo.scaffold") / "templates"
    found = [*_walk(top / "common"), *_walk(top / game)]
    return {_place(path, names): Template(file.read_text(encoding="utf-8")).substitute(values) for path, file in found}


def _walk(folder: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _walk(entry, f"{above}{entry.name}/")
        elif entry.name.endswith(_ENDING):
            yield f"{above}{entry.name.removesuffix(_ENDING)}", entry


def _place(path: str, names: Names) -> str:
    """Where a template's text goes: ``PACKAGE`` and ``VARIANT`` stand for names, ``dot.`` for a hidden file's dot."""
    parts = [f".{part.removeprefix('dot.')}" if part.startswith("dot.") else part for part in path.split("/")]
    return "/".join(parts).replace("PACKAGE", names.package).replace("VARIANT", names.module)


def _requirement(version: str) -> str:
    """``ganzoo>=0.1,<0.2`` for 0.1.7: a minor version may change what API_VERSION guards, a patch may not."""
    major, minor, *_ = version.split(".")
    return f"ganzoo>={major}.{minor},<{major}.{int(minor) + 1}"
