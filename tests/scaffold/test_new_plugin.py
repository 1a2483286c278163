"""`ganzoo new-plugin`: what it writes is whole and clean, and what it refuses leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from laid_out import lay_out, own_tests, run_ganzoo, run_python
from test_floors import trespasses

from ganzoo.cli.main import main
from ganzoo.scaffold import GAMES, Kind, Names
from ganzoo.scaffold.writing import render, write_plugin

FILES = {
    "pyproject.toml",
    "README.md",
    "LICENSE",
    ".gitignore",
    ".github/workflows/test.yml",
    "ganzoo_my_gan/__init__.py",
    "ganzoo_my_gan/py.typed",
    "ganzoo_my_gan/plugin.py",
    "ganzoo_my_gan/my_gan.py",
    "tests/test_my_gan.py",
}


@pytest.fixture(scope="module", params=GAMES)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new plugin of each kind, beside the folder ``site`` in which it is installed."""
    top = tmp_path_factory.mktemp(request.param)
    assert main(["new-plugin", "my-gan", "--game", request.param, "--out", str(top / "new")]) == 0
    folder = top / "new" / "ganzoo-my-gan"
    lay_out(folder, top / "site")
    return folder


def site_of(project: Path) -> Path:
    return project.parents[1] / "site"


class TestWhatIsWritten:
    def test_every_file_is_there_and_nothing_else(self, project: Path) -> None:
        files = {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}
        assert {file for file in files if "__pycache__" not in file} == FILES

    def test_no_placeholder_is_left(self, project: Path) -> None:
        left = [path for path in FILES if "$" in (project / path).read_text().replace("${{ matrix.python }}", "")]
        assert left == []

    def test_it_names_its_entry_point_and_the_ganzoo_that_it_is_for(self, project: Path) -> None:
        told = tomllib.loads((project / "pyproject.toml").read_text())["project"]
        assert told["entry-points"]["ganzoo"] == {"my-gan": "ganzoo_my_gan.plugin"}
        assert told["dependencies"] == ["ganzoo>=0.1,<0.2"]

    def test_it_uses_the_public_api_alone(self, project: Path) -> None:
        assert trespasses(project / "ganzoo_my_gan") == []

    def test_its_own_tests_pass(self, project: Path) -> None:
        done = own_tests(project, site_of(project))
        assert done.returncode == 0, done.stdout

    def test_it_trains_at_once(self, project: Path, tmp_path: Path) -> None:
        words = ("run", "my-gan", "--dataset", "digits", "--steps", "3", "--name", "a")
        done = run_ganzoo(*words, site=site_of(project), cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "runs" / "a" / "samples.png").stat().st_size > 0

    def test_its_name_is_taken_then(self, project: Path, tmp_path: Path) -> None:
        done = run_ganzoo("new-plugin", "my-gan", site=site_of(project), cwd=tmp_path)
        assert done.returncode == 2
        assert "NAME 'my-gan' is taken by the variant of ganzoo-my-gan 0.1.0" in done.stderr

    @pytest.mark.slow
    def test_its_types_are_right(self, project: Path) -> None:
        done = run_python("mypy", "--strict", cwd=project)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["a", "z-9", "hinge", 30 * "w", 14 * "w-" + "w"])
@pytest.mark.parametrize("game", GAMES)
def test_style_is_right_whatever_the_name(tmp_path: Path, game: Kind, name: str) -> None:
    folder = write_plugin(Names(name), game=game, out=tmp_path)
    for words in (("check",), ("format", "--check", "--diff")):
        command = [sys.executable, "-m", "ruff", *words, "--no-cache"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_next_commands_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-plugin", "my-gan", "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    for line in ("pip install -e ", "ganzoo run my-gan --dataset digits", "ganzoo check my-gan", "pytest"):
        assert line in told


class TestWhatIsRefused:
    @pytest.mark.parametrize("name", ["", "Bad Name", "class", "vanilla", "mlp", "plugin", "ganzoo-x"])
    def test_a_bad_name_ends_with_2_and_writes_nothing(
        self, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["new-plugin", name, "--out", str(tmp_path / "new")]) == 2
        assert "fix: " in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []

    def test_no_name_at_all(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert main(["new-plugin"]) == 2
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_exists_is_left_alone(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "ganzoo-my-gan").mkdir()
        assert main(["new-plugin", "my-gan", "--out", str(tmp_path)]) == 2
        assert "ganzoo-my-gan exists already" in capsys.readouterr().err
        assert list(tmp_path.rglob("*")) == [tmp_path / "ganzoo-my-gan"]

    def test_an_out_that_is_a_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "file").touch()
        assert main(["new-plugin", "my-gan", "--out", str(tmp_path / "file")]) == 2
        assert "is no folder" in capsys.readouterr().err

    def test_what_fails_in_the_middle_leaves_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        written = Path.write_text
        monkeypatch.setattr(Path, "write_text", lambda path, *args, **more: _fail_at("tests", written, path, *args))
        with pytest.raises(OSError, match="disk"):
            write_plugin(Names("my-gan"), game="gan", out=tmp_path)
        assert list(tmp_path.iterdir()) == []


def _fail_at(folder: str, written: object, path: Path, *args: object) -> object:
    if path.parent.name == folder:
        raise OSError("no room on the disk")
    assert callable(written)
    return written(path, *args)


def test_both_kinds_share_what_packages_them() -> None:
    gan, custom = (render(Names("my-gan"), game=game) for game in GAMES)
    assert gan.keys() == custom.keys() == FILES
    assert gan["pyproject.toml"] == custom["pyproject.toml"]
