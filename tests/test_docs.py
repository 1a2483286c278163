"""What the documentation says works: command lines are parsed, and files that it names are there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "docs" / "examples"
"""What stands there needs plugins that are not installed here; tests/test_examples.py runs it."""
PAGES = [
    ROOT / "README.md",
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if EXAMPLES not in page.parents),
]
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
PLACEHOLDER = re.compile(r"\b(RUN|PATH|NAME|VARIANT|COMMAND|FILE\.toml|OPTIONS)\b|runs/|mine\.toml|hinge")


def lines(start: str) -> list[str]:
    """Every line of the documentation's code blocks that begins with ``start``, without comments and what follows."""
    found = set()
    for page in PAGES:
        for block in FENCED.findall(page.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                command = line.partition("#")[0].partition("&&")[0].partition(" > ")[0].strip().removeprefix("$ ")
                if command.startswith(start):
                    found.add(command)
    return sorted(found)


def commands() -> list[str]:
    """Every `ganzoo run` line of the documentation that can be tried as it stands."""
    return [command for command in lines("ganzoo run ") if not PLACEHOLDER.search(command)]


@pytest.mark.parametrize("command", commands())
def test_a_documented_command_is_understood(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    from ganzoo.cli.main import main

    status = main([*shlex.split(command)[1:], *([] if "--help" in command else ["--print-config"])])
    output = capsys.readouterr()
    assert status == 0, output.err
    assert output.out


def test_there_are_commands_to_try() -> None:
    assert len(commands()) >= 5


@pytest.mark.parametrize("command", lines("ganzoo eval "))
def test_a_documented_evaluation_names_what_there_is(command: str) -> None:
    from ganzoo.cli.args import parse
    from ganzoo.cli.evaluate import EvalOptions
    from ganzoo.metrics.options import split_names
    from ganzoo.metrics.plan import find_metrics, split_name
    from ganzoo.registry import registry

    options = parse(EvalOptions, shlex.split(command)[2:], prog="ganzoo eval")
    if "thumbnail" in command:  # the plugin of docs/measuring.md, which tests/metrics/test_docs.py runs
        return
    assert find_metrics(split_names(options.metrics, "--metrics") if options.metrics else [])
    if options.features is not None:
        assert registry().extractor(options.features)
    if options.against is not None:
        name, _ = split_name(options.against)
        assert registry().dataset("folder" if name.startswith("folder:") else name)


def test_there_are_evaluations_to_try() -> None:
    assert len(lines("ganzoo eval ")) >= 5


@pytest.mark.parametrize("marker", ["main", "test"])
def test_the_readme_has_its_two_commands(marker: str) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(rf"^<!-- {marker} -->\n```sh\n([^\n]+)\n```$", text, re.MULTILINE)
    assert block is not None
    assert block[1].startswith("pip install ")
    assert {"main": "ganzoo run", "test": "pytest"}[marker] in block[1]


def test_the_readme_names_no_file_that_is_not_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [link for link in links if not (ROOT / link).exists()] == []
