"""`ganzoo run --resume` with the data at another place: it goes on if they are the same data."""

import shutil

import numpy
import pytest
from PIL import Image
from safetensors.torch import load_file

from ganzoo.cli.main import main
from ganzoo.config import check_resumable, make_config, read_config
from ganzoo.errors import ConfigError

TINY = ["--net.g-widths", "8", "--net.d-widths", "8", "--device", "cpu", "--threads", "1", "--batch-size", "4"]


@pytest.fixture
def pictures(tmp_path):
    """A folder of ten pictures of noise."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed in range(10):
        pixels = numpy.random.default_rng(seed).integers(0, 256, (8, 8), dtype=numpy.uint8)
        Image.fromarray(pixels).save(folder / f"{seed}.png")
    return folder


def start(tmp_path, data, name, steps):
    words = ["run", "vanilla", "--dataset", f"folder:{data}", *TINY, "--out", str(tmp_path), "--name", name, "--quiet"]
    assert main([*words, "--steps", str(steps)]) == 0
    return tmp_path / name


def weights(path):
    return {name: tensor.tolist() for name, tensor in load_file(path / "generator" / "weights.safetensors").items()}


def test_a_folder_that_was_moved_and_is_streamed_now_goes_on_as_if_nothing_was(tmp_path, pictures):
    whole, half = start(tmp_path, pictures, "whole", 8), start(tmp_path, pictures, "half", 4)
    moved = shutil.move(pictures, tmp_path / "moved")
    words = ["--steps", "8", "--dataset", f"folder:{moved}", "--storage", "stream", "--workers", "0", "--quiet"]
    assert main(["run", "--resume", str(half), *words]) == 0
    assert weights(half) == weights(whole)
    data = make_config(read_config(half / "config.toml")).data
    assert (data.dataset, data.storage, data.workers) == (f"folder:{moved}", "stream", 0)


def test_other_pictures_are_refused(tmp_path, pictures, capsys):
    run = start(tmp_path, pictures, "run", 2)
    other = shutil.copytree(pictures, tmp_path / "other")
    shutil.copyfile(other / "1.png", other / "0.png")
    assert main(["run", "--resume", str(run), "--steps", "4", "--dataset", f"folder:{other}", "--quiet"]) == 5
    assert "made with another data" in capsys.readouterr().err


@pytest.mark.parametrize(
    "changed", [{"data_dir": "/there"}, {"download": False}, {"workers": 7}, {"storage": "device"}]
)
def test_where_data_lie_and_how_they_are_held_may_change(changed):
    before = make_config({"variant": "dcgan"})
    check_resumable(before, make_config({"variant": "dcgan", "data": changed}))


@pytest.mark.parametrize(
    "changed", [{"split": "all"}, {"image_size": 32}, {"dataset": "folder:x"}, {"channels": 3}, {"stacks": 9}]
)
def test_what_is_trained_on_may_not(changed):
    before = make_config({"variant": "dcgan"})
    with pytest.raises(ConfigError, match=f"cannot change data.{next(iter(changed))}") as caught:
        check_resumable(before, make_config({"variant": "dcgan", "data": changed}))
    assert {"steps", "workers"} <= set(caught.value.choices)
