"""The example plugins of docs/examples/: installed together, checked, run by the commands of their page, and tested."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from laid_out import lay_out, own_tests, run_ganzoo, run_python
from test_floors import bring_torch, trespasses

FOLDER = Path(__file__).parents[1] / "docs" / "examples"
PROJECTS = sorted(FOLDER.glob("ganzoo-*"))
PAGE = (FOLDER / "index.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^ganzoo (.+)$", "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S)), re.M)[1:]
"""All but the first, ganzoo plugins --check, which the first test does."""
FIRST_PARTY = "vanilla,dcgan,wgan-gp,lsgan,began"
SUPPLIED = {
    "shapes": ["data set shapes"],
    "vendi": ["metric vendi"],
    "residual": ["backbone residual"],
    "csv": ["observer csv"],
    "vae-gan": ["variant vae-gan"],
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them, installed."""
    top = tmp_path_factory.mktemp("site-packages")
    for project in PROJECTS:
        lay_out(project, top)
    return top


def package_of(project: Path) -> Path:
    return project / project.name.replace("-", "_")


def test_there_is_one_of_each_kind(site: Path) -> None:
    found = json.loads(run_ganzoo("plugins", "--check", "--json", "--no-plugin", FIRST_PARTY, site=site).stdout)
    states = {row["name"]: row["state"] for row in found}
    supplied = {row["name"]: [f"{each['kind']} {each['name']}" for each in row["supplies"]] for row in found}
    assert {name: supplied[name] for name in SUPPLIED} == SUPPLIED
    assert {states[name] for name in SUPPLIED} == {"ok"}
    assert len(PROJECTS) == len(SUPPLIED)


def test_the_page_installs_these_and_nothing_else() -> None:
    (pattern,) = re.findall(r"^pip install (\S+)$", PAGE, re.M)
    found = sorted(FOLDER.parents[1].glob(pattern))
    assert found == PROJECTS
    assert all((project / "pyproject.toml").is_file() for project in found)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page(site: Path, tmp_path: Path, command: str) -> None:
    words = shlex.split(re.sub(r"--steps \d+", "--steps 3 --log-every 1 --name a", command))
    done = run_ganzoo(*words, site=site, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    if "--observers csv" in command:
        assert (tmp_path / "runs" / "a" / "measurements.csv").read_text().count("\n3,") > 2


@pytest.mark.slow
@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
class TestEach:
    def test_its_own_tests_pass(self, site: Path, project: Path) -> None:
        done = own_tests(project, site)
        assert done.returncode == 0, done.stdout

    def test_its_style_is_right(self, project: Path) -> None:
        for words in (("check",), ("format", "--check")):
            command = [sys.executable, "-m", "ruff", *words, "--no-cache"]
            done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stdout + done.stderr

    def test_it_uses_the_public_api_alone(self, project: Path) -> None:
        assert trespasses(package_of(project)) == []

    def test_what_it_declares_leaves_torch_unimported(self, project: Path) -> None:
        assert bring_torch((f"{package_of(project).name}.plugin",), path=project) == ""

    def test_its_page_shows_it(self, project: Path) -> None:
        told = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert f"`{told['name']}`" in PAGE
        shown = re.findall(rf'--8<-- "docs/examples/{project.name}/(.+)"', PAGE)
        assert len(shown) == 1
        assert (project / shown[0]).is_file()


@pytest.mark.slow
def test_their_types_are_right() -> None:
    for project in PROJECTS:
        done = run_python("mypy", "--strict", cwd=project)
        assert done.returncode == 0, f"{project.name}\n{done.stdout}"
