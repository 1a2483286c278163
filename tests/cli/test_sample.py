"""`ganzoo sample`, and a generator that is used without the rest of its run."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy
import pytest
import torch
from PIL import Image
from toys import games

from ganzoo.api import load
from ganzoo.cli.main import main
from ganzoo.cli.sample import SampleOptions, labels_of

TINY = ["--net.g-widths", "8", "--net.d-widths", "8", "--device", "cpu", "--threads", "1", "--quiet"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    common = ["run", "vanilla", "--dataset", "digits", "--out", str(out), *TINY]
    assert main([*common, "--name", "plain", "--steps", "4", "--save-every", "2"]) == 0
    assert main([*common, "--name", "labelled", "--steps", "2", "--conditional"]) == 0
    return out


def sample(run, out, *words):
    return main(["sample", str(run), "--out", str(out), *words])


def test_a_grid(runs, tmp_path, capsys):
    out = tmp_path / "new" / "grid.png"
    assert sample(runs / "plain", out, "--n", "9", "--columns", "3") == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert Image.open(out).size == (3 * 58 + 2, 3 * 58 + 2)


def test_a_folder_of_pictures_in_the_size_of_the_data(runs, tmp_path):
    assert sample(runs / "plain", tmp_path / "many", "--n", "3") == 0
    files = sorted((tmp_path / "many").iterdir())
    assert [file.name for file in files] == ["000000.png", "000001.png", "000002.png"]
    picture = Image.open(files[0])
    assert (picture.size, picture.mode) == ((8, 8), "L")


def test_arrays_of_bytes_with_the_labels_of_a_conditional_run(runs, tmp_path):
    assert sample(runs / "plain", tmp_path / "a.npy", "--n", "5") == 0
    plain = numpy.load(tmp_path / "a.npy", allow_pickle=False)
    assert (plain.shape, plain.dtype) == ((5, 1, 8, 8), numpy.uint8)
    assert sample(runs / "labelled", tmp_path / "b.npz", "--n", "12") == 0
    both = numpy.load(tmp_path / "b.npz", allow_pickle=False)
    assert both["images"].shape == (12, 1, 8, 8)
    assert both["labels"].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert sample(runs / "labelled", tmp_path / "c.npz", "--n", "3", "--label", "7") == 0
    assert numpy.load(tmp_path / "c.npz")["labels"].tolist() == [7, 7, 7]


@pytest.mark.parametrize(("name", "label", "labels"), [("vanilla", None, None), ("conditional", 1, [1, 1, 1, 1])])
def test_labels_are_told_where_they_reach_the_generator_whatever_the_config_says(name, label, labels):
    run = SimpleNamespace(game=games.build(name))
    found = labels_of(run, SampleOptions(run=Path("run"), n=4, label=label))
    assert (None if found is None else found.tolist()) == labels


def test_the_seed_decides(runs, tmp_path):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert sample(runs / "plain", tmp_path / f"{name}.npy", "--n", "4", "--seed", seed) == 0
    a, b, c = (numpy.load(tmp_path / f"{name}.npy") for name in "abc")
    assert (a == b).all()
    assert (a != c).any()


def test_a_generator_taken_out_of_its_run_gives_the_same_images(runs, tmp_path):
    shutil.copytree(runs / "plain" / "generator", tmp_path / "alone")
    assert torch.equal(load(tmp_path / "alone").generate(5), load(runs / "plain").generate(5))


def test_an_earlier_step(runs, tmp_path):
    early, late = load(runs / "plain", step=2), load(runs / "plain", step=4)
    assert (early.step, late.step) == (2, 4)
    assert not torch.equal(early.generate(4), late.generate(4))
    assert torch.equal(late.generate(4), load(runs / "plain").generate(4))


def test_many_images_come_in_chunks_and_are_the_same(runs):
    run = load(runs / "plain")
    assert torch.equal(run.generate(1500)[:10], run.generate(1500)[:10])
    assert run.generate(1500).shape == (1500, 1, 8, 8)


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["{runs}/nowhere"], 5, "is no run"),
        (["{runs}/plain", "--n", "0"], 2, "--n"),
        (["{runs}/plain", "--step", "3"], 5, "no checkpoint of step 3"),
        (["{runs}/plain", "--label", "3"], 2, "trained without labels"),
        (["{runs}/labelled", "--label", "10"], 2, "labels [10] name no class"),
        (["{runs}/plain", "--out", "{tmp}/a.gif"], 2, "'.gif' are not written"),
        (["{runs}/plain", "--seeed", "3"], 2, "did you mean --seed?"),
        (["{runs}/plain/generator", "--step", "3"], 5, "one state alone"),
        (["{runs}/plain", "--out", "/proc/nope/a.png"], 2, "cannot write --out"),
        ([], 2, "run"),
    ],
)
def test_what_cannot_be_done_is_told_in_words(runs, tmp_path, capsys, words, status, message):
    assert main(["sample", *(word.format(runs=runs, tmp=tmp_path) for word in words)]) == status
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize("damage", ["config", "weights", "step", "data", "junk"])
def test_a_damaged_generator_folder_is_told_in_words(runs, tmp_path, capsys, damage):
    folder = tmp_path / "bad"
    shutil.copytree(runs / "plain" / "generator", folder)
    if damage == "weights":
        (folder / "weights.safetensors").write_bytes(b"junk")
    else:
        description = (folder / "generator.json").read_text()
        changed = {"config": '"vanilla"', "step": '"step": 4', "data": '"channels": 1', "junk": description}[damage]
        (folder / "generator.json").write_text(description.replace(changed, "[["))
    assert sample(folder, tmp_path / "x.png") == 5
    assert "SHA-256" in capsys.readouterr().err
