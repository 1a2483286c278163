"""`--stacks` and `--stacks-seed`, wherever a command meets stacked-mnist; its digits are the built-in ones here."""

import json
from pathlib import Path

import pytest
from PIL import Image
from safetensors.torch import load_file

from ganzoo.cli.main import main
from ganzoo.data.digits import Digits
from ganzoo.data.stacked import StackedMNIST
from ganzoo.metrics.cache import cache_folder

RUN = ["run", "vanilla", "--dataset", "stacked-mnist", "--net.g-widths", "8", "--net.d-widths", "8"]
RUN += ["--device", "cpu", "--threads", "1", "--batch-size", "8", "--quiet", "--out", "."]
ASKED = ["--stacks", "40", "--stacks-seed", "3"]
EVAL = ["--n", "50", "--metrics", "fid", "--repeats", "1", "--resize", "--device", "cpu", "--json"]


@pytest.fixture(autouse=True)
def _of_digits(tmp_path, monkeypatch):
    """Stacks of the digits that come with ganzoo, few of them; files go to a folder of the test."""
    monkeypatch.setattr(StackedMNIST, "base", Digits)
    monkeypatch.setattr(StackedMNIST, "sizes", (("train", 200), ("test", 60)))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run():
    """A run of two iterations on 40 stacks of their own."""
    assert main([*RUN, *ASKED, "--steps", "2", "--name", "run"]) == 0
    return Path("run")


@pytest.fixture
def told(capsys):
    """``told("data", "info", ...)``: what a command writes as JSON."""

    def tell(*words):
        capsys.readouterr()
        assert main([*words]) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    return tell


def weights(path):
    return {name: tensor.tolist() for name, tensor in load_file(path / "generator" / "weights.safetensors").items()}


def data_of(path):
    return json.loads((path / "run.json").read_text())


def test_help_tells_them(capsys):
    assert main(["run", "vanilla", "--help"]) == 0
    told = capsys.readouterr().out
    assert "--stacks INT" in told
    assert "--stacks-seed INT" in told


def test_a_run_keeps_them_and_goes_on_with_them(run):
    assert "stacks = 40\nstacks_seed = 3\n" in (run / "config.toml").read_text()
    assert data_of(run)["data"]["sizes"] == [["train", 40], ["test", 60]]
    assert main(["run", "--resume", "run", "--steps", "12", "--quiet"]) == 0
    assert main([*RUN, *ASKED, "--steps", "12", "--name", "whole"]) == 0
    assert weights(run) == weights(Path("whole"))


def test_another_number_or_seed_makes_other_data():
    found = []
    for number, words in enumerate(([], ASKED[:2], ASKED[2:], ASKED)):
        assert main([*RUN, *words, "--steps", "1", "--name", str(number)]) == 0
        found.append(data_of(Path(str(number)))["data_fingerprint"])
    assert len(set(found)) == 4


def test_a_resumed_run_cannot_change_them(run, capsys):
    assert main(["run", "--resume", "run", "--stacks", "50", "--steps", "4"]) == 2
    assert "cannot change data.stacks (it was 40, now 50)" in capsys.readouterr().err
    config = run / "config.toml"
    config.write_text(config.read_text().replace("stacks_seed = 3", "stacks_seed = 4"))
    assert main(["run", "--resume", "run", "--steps", "4"]) == 5
    assert "made with another data" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--dry-run"], []])
def test_a_run_on_other_data_refuses_them(words, capsys):
    assert main([*RUN, "--dataset", "digits", "--stacks", "40", *words]) == 2
    told = capsys.readouterr().err
    assert "stacks is 40, and data set digits has no use for it; it is for stacked-mnist" in told
    assert "fix: leave it out" in told
    assert list(Path().iterdir()) == []


def test_a_run_is_held_against_its_own_stacks(run, told):
    against_test = told("eval", "run", *EVAL)
    assert (against_test["against"], against_test["real_images"]) == ("stacked-mnist:test", 60)
    assert against_test["floor_from"] == "40 images of stacked-mnist:train"
    assert told("eval", "run", "--against", "stacked-mnist:train", *EVAL)["real_images"] == 40
    assert told("eval", "stacked-mnist:train", "--against", "stacked-mnist:test", *EVAL)["floor_from"].startswith("50 ")


def test_the_default_number_of_samples_is_that_of_the_papers(run, capsys):
    assert main(["sample", "run", "--n", "9", "--out", "nine.npz"]) == 0
    assert main(["eval", "nine.npz", "--against", "stacked-mnist", "--resize"]) == 3
    assert "nine.npz has 9 images, too few for 26,000 samples" in capsys.readouterr().err


def test_features_of_real_stacks_are_kept_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def kept():
        return {path.name for path in cache_folder().glob("*.safetensors")}

    words = ["--steps", "1", "--eval-every", "1", "--eval-samples", "50", "--eval-against", "stacked-mnist:train"]
    new = []
    for name, asked in (("usual", []), ("fewer", ASKED[:2]), ("other", ASKED), ("again", ASKED)):
        before = kept()
        assert main([*RUN, *words, *asked, "--name", name]) == 0
        new.append(len(kept() - before))
    assert new == [1, 1, 1, 0]


def test_the_data_commands_tell_and_show_them(told, capsys):
    assert told("data", "info", "stacked-mnist", "--json")["sizes"] == {"train": 200, "test": 60}
    assert told("data", "info", "stacked-mnist", "--stacks", "40", "--json")["sizes"] == {"train": 40, "test": 60}
    for name, words in (("a", []), ("b", ASKED[2:]), ("c", ASKED)):
        assert main(["data", "preview", "stacked-mnist", "--n", "9", "--out", f"{name}.png", *words]) == 0
    assert len({Image.open(f"{name}.png").tobytes() for name in "abc"}) == 3
    for command in ("info", "preview"):
        assert main(["data", command, "digits", "--stacks", "40"]) == 2
        assert "data set digits has no use for it" in capsys.readouterr().err
