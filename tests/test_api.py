"""The Python API in the few lines that its users write."""

import json
from dataclasses import replace

import pytest
import torch

import ganzoo
from ganzoo.api import load_config
from ganzoo.errors import CheckpointError, ConfigError, ContractError, UnknownNameError
from ganzoo.options import GANOptions
from ganzoo.registry import registry
from ganzoo.training.observers import Observer

TINY = {"net": {"g_widths": [8], "d_widths": [8]}, "device": "cpu", "threads": 1}


class Listener(Observer):
    def __init__(self):
        self.steps = []

    def measured(self, progress, values):
        self.steps.append(progress.step)


class Failing(Observer):
    def measured(self, progress, values):
        raise ZeroDivisionError("oops")


class Clashing(GANOptions):
    samples: int = 3
    """Something that the plugin calls samples."""


def test_train_load_generate(tmp_path, capfd):
    listener = Listener()
    run = ganzoo.train(
        "vanilla",
        dataset="digits",
        steps=6,
        log_every=2,
        out=tmp_path,
        observers=[listener],
        label_smoothing=0.1,
        **TINY,
    )
    assert run.path == tmp_path / "vanilla-digits-1"
    assert run.exit_code == 0
    assert listener.steps == [2, 4, 6]
    assert run.config.options.label_smoothing == 0.1
    assert [line["step"] for line in run.metrics()] == [2, 4, 6]
    images = ganzoo.load(run.path).generate(5)
    assert images.shape == (5, 1, 8, 8)
    assert images.dtype == torch.float32
    assert images.abs().max() <= 1
    assert torch.equal(images, run.generate(5))
    assert not run.generator.training
    assert repr(run) == f"Run({str(run.path)!r})"
    assert capfd.readouterr() == ("", "")


def test_runs_without_a_name_are_numbered(tmp_path):
    paths = [ganzoo.train("vanilla", dataset="digits", steps=1, out=tmp_path, **TINY).path.name for _ in range(2)]
    assert paths == ["vanilla-digits-1", "vanilla-digits-2"]


def test_what_an_observer_of_the_caller_raises_ends_the_run(tmp_path):
    """As a search for settings does that gives a run up."""
    with pytest.raises(ZeroDivisionError):
        ganzoo.train("vanilla", dataset="digits", steps=4, log_every=2, out=tmp_path, observers=[Failing()], **TINY)
    (path,) = tmp_path.iterdir()
    assert json.loads((path / "run.json").read_text())["sessions"][0]["status"] == "failed: ZeroDivisionError"


def test_a_run_goes_on_from_python(tmp_path):
    run = ganzoo.train("vanilla", dataset="digits", steps=2, out=tmp_path, **TINY)
    longer = ganzoo.resume(run.path, load_config(run.path).with_training(steps=4))
    assert ganzoo.load(longer.path).step == 4


def test_an_option_called_like_one_of_every_run_is_refused(tmp_path, monkeypatch):
    own = registry().variant("vanilla")
    clashing = replace(own, spec=replace(own.spec, options=Clashing))
    monkeypatch.setattr("ganzoo.api.training.find_entries", lambda *names: (clashing, None))
    with pytest.raises(ContractError, match=r"has an option 'samples', a name .* takes for training\.samples"):
        ganzoo.train("vanilla", dataset="digits", samples=3, out=tmp_path)


def test_labels(tmp_path):
    run = ganzoo.train("vanilla", dataset="digits", steps=2, out=tmp_path, conditional=True, **TINY)
    assert run.generate(3, labels=7).shape == run.generate(3, labels=[1, 2, 3]).shape == (3, 1, 8, 8)
    with pytest.raises(ConfigError, match="labels was given for 2 images, and 3 were asked for"):
        run.generate(3, labels=[1, 2])
    with pytest.raises(ConfigError, match=r"labels \[12\] name no class"):
        run.generate(3, labels=12)


def test_what_does_not_fit_is_told(tmp_path):
    with pytest.raises(UnknownNameError, match="unknown setting 'stepz'; did you mean 'steps'"):
        ganzoo.train("vanilla", dataset="digits", stepz=3, out=tmp_path)
    with pytest.raises(ConfigError, match="batch_size"):
        ganzoo.train("vanilla", dataset="digits", batch_size=0, out=tmp_path)
    with pytest.raises(CheckpointError, match="is no run"):
        ganzoo.load(tmp_path)
    with pytest.raises(ConfigError, match="n is 0"):
        ganzoo.train("vanilla", dataset="digits", steps=1, out=tmp_path, **TINY).generate(0)


def test_a_folder_of_pictures_is_a_data_set(tmp_path):
    from ganzoo.cli.main import main

    first = ganzoo.train("vanilla", dataset="digits", steps=1, out=tmp_path, **TINY)
    assert main(["sample", str(first.path), "--n", "20", "--out", str(tmp_path / "pictures")]) == 0
    weights = []
    for storage in ("device", "stream"):
        run = ganzoo.train(
            "vanilla",
            dataset=f"folder:{tmp_path / 'pictures'}",
            steps=3,
            batch_size=8,
            storage=storage,
            out=tmp_path,
            **TINY,
        )
        weights.append(run.generator.state_dict())
    for name, tensor in weights[0].items():
        assert torch.equal(tensor, weights[1][name]), name
