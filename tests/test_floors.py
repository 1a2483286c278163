"""Imports go down the floors of docs/architecture.md, never up and never in a circle; plugins use the public API."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

FLOORS = {
    "errors": 0,
    "arithmetic": 1,
    "durable": 1,
    "validation": 1,
    "options": 1,
    "game": 2,
    "registry": 2,
    "data": 2,
    "parts": 3,
    "metrics": 3,
    "config": 3,
    "assembly": 3,
    "scaffold": 3,
    "training.ema": 3,
    "training.seeding": 3,
    "training.engine": 3,
    "training": 4,
    "report": 5,
    "api": 5,
    "bench": 6,
    "testing": 6,
    "cli": 7,
    "__main__": 8,
}
"""The floor of each room under ganzoo/; a module belongs to the room with the longest matching name."""

PUBLIC = (
    *("ganzoo.game", "ganzoo.parts", "ganzoo.options", "ganzoo.registry", "ganzoo.errors", "ganzoo.data"),
    *("ganzoo.metrics.evidence", "ganzoo.metrics.features", "ganzoo.training.observers"),
)
"""What a plugin may import from core: these modules, and the modules inside ``ganzoo.parts``."""

TORCH_FREE = (
    "ganzoo",
    "ganzoo.errors",
    "ganzoo.options",
    "ganzoo.registry",
    "ganzoo.data",
    "ganzoo.config",
    "ganzoo.cli.main",
    "ganzoo.cli.args",
    "ganzoo.cli.run",
    "ganzoo.cli.sample",
    "ganzoo.cli.evaluate",
    "ganzoo.cli.listing",
    "ganzoo.cli.info",
    "ganzoo.cli.data",
    "ganzoo.cli.compare",
    "ganzoo.cli.check",
    "ganzoo.testing",
    "ganzoo.cli.new_plugin",
    "ganzoo.scaffold",
    "ganzoo.metrics.builtin",
    "ganzoo.metrics.options",
    "ganzoo.metrics.plan",
    "ganzoo.metrics.results",
    "ganzoo.bench.result",
    "ganzoo.bench.statistics",
    "ganzoo.bench.compare",
    "ganzoo.bench.fairness",
    "ganzoo.bench.matching",
    "ganzoo.bench.guard",
)


class Import(NamedTuple):
    """One import statement's target, where it stands."""

    source: str
    target: str
    line: int
    name: str = ""

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


def module_name(path: Path, top: Path) -> str:
    """The dotted name of the module at ``path`` in the source tree ``top``."""
    parts = path.relative_to(top).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, top: Path) -> Iterator[Import]:
    """Every import in the file, wherever it stands in it, with relative names and submodules resolved."""
    source = module_name(path, top)
    package = source if path.name == "__init__.py" else source.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (Import(source, alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                is_module = any((top / inner.replace(".", "/")).with_suffix(end).exists() for end in ("", ".py"))
                yield Import(source, inner if is_module else base, node.lineno, alias.name)


def tree(package: Path) -> list[Import]:
    """The imports of all modules of ``package``."""
    return [found for path in sorted(package.rglob("*.py")) for found in imports(path, package.parent)]


def room(module: str) -> str | None:
    """The room of a module of ganzoo; None for the package's own ``__init__`` and for foreign modules."""
    name = module.removeprefix("ganzoo.")
    if name == module:
        return None
    fitting = [known for known in FLOORS if name == known or name.startswith(f"{known}.")]
    return max(fitting, key=len, default=name)


def upward(found: list[Import]) -> list[str]:
    """Imports that go up, or touch a room that has no floor. ``ganzoo/__init__`` resolves lazily and is above all."""
    wrong = []
    for each in found:
        source, target = room(each.source), room(each.target)
        if source is None or target is None or source == target:
            continue
        if source not in FLOORS or target not in FLOORS or FLOORS[target] > FLOORS[source]:
            wrong.append(str(each))
    return wrong


def circle(found: list[Import]) -> list[str]:
    """A circle of rooms, if there is one."""
    graph: dict[str, set[str]] = {}
    for each in found:
        source, target = room(each.source), room(each.target)
        if source and target and source != target:
            graph.setdefault(source, set()).add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def trespasses(package: Path) -> list[str]:
    """Imports of a plugin that reach past the public API of core or into another plugin."""
    wrong = []
    for each in tree(package):
        first, *inner = each.target.split(".")
        if first == "ganzoo":
            public = each.target in PUBLIC or each.target.startswith("ganzoo.parts.")
            if not public or any(part.startswith("_") for part in (*inner, each.name)):
                wrong.append(str(each))
        elif first.startswith("ganzoo_") and first != package.name:
            wrong.append(str(each))
    return wrong


def plugin_packages() -> list[Path]:
    return sorted(path for path in ROOT.glob("plugins/*/ganzoo_*") if path.is_dir())


def bring_torch(modules: tuple[str, ...], *, path: Path | None = None) -> str:
    """The first of ``modules`` whose import brings torch, in a fresh interpreter; empty where none does."""
    code = (
        "import importlib, sys\n"
        f"sys.path[:0] = {[str(path)] if path else []}\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module(name)\n"
        "    if 'torch' in sys.modules:\n"
        "        sys.exit(print(name))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def plant(top: Path, files: dict[str, str]) -> Path:
    """Write a source tree under ``top``; returns its package."""
    for name, text in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return top / next(iter(files)).partition("/")[0]


def test_imports_go_down() -> None:
    assert upward(tree(ROOT / "ganzoo")) == []


def test_no_rooms_import_each_other_in_a_circle() -> None:
    assert circle(tree(ROOT / "ganzoo")) == []


def test_core_never_imports_a_plugin() -> None:
    assert [str(each) for each in tree(ROOT / "ganzoo") if each.target.startswith("ganzoo_")] == []


def test_every_room_that_exists_has_a_floor() -> None:
    rooms = {
        path.stem for path in (ROOT / "ganzoo").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - {"__init__"} <= FLOORS.keys()


def test_there_are_plugins_to_judge() -> None:
    assert len(plugin_packages()) >= 5


@pytest.mark.parametrize("package", plugin_packages(), ids=lambda package: package.name)
def test_a_plugin_uses_the_public_api_and_no_other_plugin(package: Path) -> None:
    assert trespasses(package) == []


def test_what_answers_quickly_does_not_import_torch() -> None:
    plugins = tuple(f"{package.name}.plugin" for package in plugin_packages())
    assert bring_torch(TORCH_FREE + plugins) == ""


class TestTheCheckItself:
    """Planted violations are found."""

    @pytest.mark.parametrize(
        ("line", "target"),
        [
            ("from ganzoo.training import Trainer", "ganzoo.training"),
            ("import ganzoo.cli.main", "ganzoo.cli.main"),
            ("from ganzoo import api", "ganzoo.api"),
            ("from .. import api", "ganzoo.api"),
            ("from ..training.trainer import Trainer", "ganzoo.training.trainer"),
            ("def later():\n    from ganzoo import api", "ganzoo.api"),
            ("from ganzoo.attic import Box", "ganzoo.attic"),
        ],
    )
    def test_an_import_upwards(self, tmp_path: Path, line: str, target: str) -> None:
        package = plant(tmp_path, {"ganzoo/game/gan.py": line, "ganzoo/api.py": "", "ganzoo/training/trainer.py": ""})
        assert upward(tree(package)) == [f"ganzoo.game.gan:{line.count(chr(10)) + 1} imports {target}"]

    def test_an_import_downwards_passes(self, tmp_path: Path) -> None:
        package = plant(
            tmp_path, {"ganzoo/api.py": "from .game import Game\nimport torch\nfrom ganzoo import __version__"}
        )
        assert upward(tree(package)) == []

    def test_a_circle_on_one_floor(self, tmp_path: Path) -> None:
        package = plant(
            tmp_path, {"ganzoo/game/a.py": "from ganzoo.data import b", "ganzoo/data/b.py": "from ..game import a"}
        )
        assert upward(tree(package)) == []
        assert set(circle(tree(package))) == {"game", "data"}

    @pytest.mark.parametrize(
        "line",
        [
            "from ganzoo.training import Trainer",
            "from ganzoo.game.gan import GAN",
            "from ganzoo.metrics.judge import Judge",
            "from ganzoo.parts._private import trick",
            "from ganzoo.parts.losses import _trick",
            "import ganzoo_dcgan",
            "from ganzoo_dcgan.dcgan import Block",
        ],
    )
    def test_a_plugin_that_trespasses(self, tmp_path: Path, line: str) -> None:
        package = plant(
            tmp_path, {"ganzoo_mine/mine.py": f"from ganzoo.game import GAN\nfrom ganzoo_mine import x\n{line}"}
        )
        assert len(trespasses(package)) == 1

    def test_a_module_that_brings_torch(self, tmp_path: Path) -> None:
        plant(tmp_path, {"quick.py": "import json", "slow.py": "import torch"})
        assert bring_torch(("quick", "slow"), path=tmp_path) == "slow"
        assert bring_torch(("quick",), path=tmp_path) == ""
