"""docs/plugin-tutorial.md, done line by line: its edits are made, its commands run, and its checks pass."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Hashable
from pathlib import Path

import pytest
from laid_out import lay_out

PAGE = (Path(__file__).parents[1] / "docs" / "plugin-tutorial.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', PAGE, re.MULTILINE | re.DOTALL)
TINY = '[throughput]\nbatch_sizes = [8]\nblocks = 2\nseconds = 0.02\n[common.training]\nengine = "eager"\nthreads = 1\n'
NEEDS_NETWORK = {"python -m build --wheel", "twine upload dist/*"}
"""What is not done here; .ci/run builds the wheel and installs it."""


class Desk:
    """Where somebody follows the page.

    Args:
        top: an empty folder.
    """

    def __init__(self, top: Path) -> None:
        self.cwd, self.site, self.left_out = top, top / "site", set[str]()
        self.suite = top / "tiny.toml"
        self.suite.write_text(f'name = "tiny"\n{TINY}', encoding="utf-8")
        self.path = [self.site, top / "ganzoo-hinge"]

    def follow(self, line: str) -> None:
        """Do what a line of the page says; trainings and benchmarks are cut short."""
        words = shlex.split(line)
        if line in NEEDS_NETWORK and (words[0] == "twine" or importlib.util.find_spec("hatchling") is None):
            self.left_out.add(line)
        elif words[0] == "cd":
            self.cwd = self.cwd / words[1]
        elif words[:3] == ["pip", "install", "-e"]:
            lay_out(self.cwd / words[3].removesuffix("[dev]"), self.site, editable=True)
        else:
            self.run([*words, *(["--suite", str(self.suite)] if words[:2] == ["ganzoo", "bench"] else [])])

    def run(self, words: list[str]) -> None:
        words = ["3" if before == "--steps" else word for before, word in zip(["", *words], words, strict=False)]
        modules = [*words[1:], "--no-isolation"] if words[0] == "python" else ["-m", *words]
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV"))}
        environment = kept | {"PYTHONPATH": os.pathsep.join(map(str, self.path))}
        done = subprocess.run(
            [sys.executable, *modules], cwd=self.cwd, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def edit(text: str, block: str) -> str:
    """``text`` with what ``block`` holds (docstring, imports, definitions) in place of what it replaces there."""
    lines = text.splitlines(keepends=True)
    old = {name_of(node): node for node in ast.parse(text).body}
    new = [(name_of(node), source_of(block, node)) for node in ast.parse(block).body]
    replaced = [(span_of(old[name]), source) for name, source in new if name in old]
    for (start, end), source in sorted(replaced, reverse=True):
        lines[start:end] = [source]
    return "".join([*lines, *(f"\n\n{source}" for name, source in new if name not in old)])


def name_of(node: ast.stmt) -> Hashable:
    """What a statement at the top of a module is about."""
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        return node.name
    if isinstance(node, ast.ImportFrom):
        return ("from", node.level, node.module)
    return "docstring" if isinstance(node, ast.Expr) else ast.unparse(node)


def span_of(node: ast.stmt) -> tuple[int, int]:
    """Its lines, decorators included, from 0."""
    assert node.end_lineno is not None
    decorators = [each.lineno for each in getattr(node, "decorator_list", ())]
    return min([node.lineno, *decorators]) - 1, node.end_lineno


def source_of(text: str, node: ast.stmt) -> str:
    start, end = span_of(node)
    return "".join(text.splitlines(keepends=True)[start:end])


@pytest.mark.slow
def test_the_whole_page(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for language, title, block in BLOCKS:
        if title:
            file = tmp_path / "ganzoo-hinge" / title
            file.write_text(edit(file.read_text(encoding="utf-8"), block), encoding="utf-8")
        elif language == "sh":
            for line in block.splitlines():
                desk.follow(line)
    assert desk.left_out <= NEEDS_NETWORK
    assert (tmp_path / "ganzoo-hinge" / "hinge.png").stat().st_size > 0


def test_there_is_something_to_follow() -> None:
    titles = [title for _, title, _ in BLOCKS if title]
    assert titles == ["ganzoo_hinge/hinge.py", "ganzoo_hinge/plugin.py", "tests/test_hinge.py"]
    assert sum(block.count("\n") for language, _, block in BLOCKS if language == "sh") > 20


def test_an_edit_replaces_what_has_its_name_and_adds_the_rest() -> None:
    before = '"""Old."""\n\nfrom a import b\n\n\n@mark\ndef f():\n    return 1\n\n\nx = 2\n'
    after = edit(before, '"""New."""\n\nfrom a import c\n\n\ndef f():\n    return 3\n\n\ndef g(): ...\n')
    assert after == '"""New."""\n\nfrom a import c\n\n\ndef f():\n    return 3\n\n\nx = 2\n\n\ndef g(): ...\n'
