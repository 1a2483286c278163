"""What the documentation says works: the tutorial's plugin is installed and run, and command lines are parsed."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TITLED = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```', re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
PLACEHOLDER = re.compile(r"\b(RUN|PATH|NAME|VARIANT|COMMAND|FILE\.toml|OPTIONS)\b|runs/|mine\.toml|hinge")


def ganzoo(*words: str, path: Path | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, with ``path`` before the installed packages."""
    environment = os.environ | ({"PYTHONPATH": str(path)} if path else {})
    command = [sys.executable, "-m", "ganzoo", *words]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of docs/plugins.md, laid out as an installed distribution is."""
    top = tmp_path_factory.mktemp("site-packages")
    files = dict(TITLED.findall((ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")))
    for name, text in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text, encoding="utf-8")
    project = tomllib.loads(files["pyproject.toml"])["project"]
    metadata = top / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    points = "\n".join(f"{name} = {module}" for name, module in project["entry-points"]["ganzoo"].items())
    (metadata / "entry_points.txt").write_text(f"[ganzoo]\n{points}\n")
    return top


class TestTutorial:
    def test_its_variant_is_listed_with_its_distribution(self, tutorial: Path) -> None:
        listed = json.loads(ganzoo("list", "--json", path=tutorial).stdout)
        assert "ganzoo-hinge" in json.dumps(listed)

    def test_its_variant_trains(self, tutorial: Path, tmp_path: Path) -> None:
        done = ganzoo("run", "hinge", "--dataset", "digits", "--steps", "3", "--name", "a", path=tutorial, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "runs" / "a" / "samples.png").stat().st_size > 0

    @pytest.mark.parametrize(("variant", "backbone"), [("hinge", "dcgan"), ("wgan-gp", "hinge-small")])
    def test_its_loss_and_its_networks_mix(self, tutorial: Path, variant: str, backbone: str) -> None:
        words = ("run", variant, "--backbone", backbone, "--dataset", "digits", "--steps", "3", "--dry-run")
        done = ganzoo(*words, path=tutorial)
        assert done.returncode == 0, done.stderr

    def test_its_own_tests_pass(self, tutorial: Path) -> None:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", "--rootdir", str(tutorial)]
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV"))}
        environment["PYTHONPATH"] = str(tutorial)
        done = subprocess.run(command, cwd=tutorial, env=environment, capture_output=True, text=True, timeout=120)
        assert "3 passed" in done.stdout, done.stdout

    def test_it_keeps_the_rules_that_it_teaches(self, tutorial: Path) -> None:
        code = "import sys, ganzoo_hinge.plugin; sys.exit('torch' in sys.modules)"
        environment = os.environ | {"PYTHONPATH": str(tutorial)}
        assert subprocess.run([sys.executable, "-c", code], env=environment, timeout=60).returncode == 0


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
