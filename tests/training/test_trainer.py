"""The loop on games of every shape, in a real run folder."""

import signal

import pytest
import torch
from toys import games
from toys.data import ToyBatcher

from ganzoo.config import make_config
from ganzoo.errors import DataError
from ganzoo.training.checkpoint import checkpoints
from ganzoo.training.engine import Engine
from ganzoo.training.observers import Observer, RunView
from ganzoo.training.run_folder import RunFolder
from ganzoo.training.trainer import Trainer


class Recorder(Observer):
    def __init__(self):
        self.samples, self.measured_at, self.saved_at, self.reason = [], [], [], None

    def sampled(self, progress, images):
        self.samples.append(images)

    def measured(self, progress, values):
        self.measured_at.append(progress.step)

    def saved(self, progress):
        self.saved_at.append(progress.step)

    def ended(self, progress, reason):
        self.reason = reason


def train(name, path, *, status=0, **training):
    game = games.build(name).train()
    batcher = ToyBatcher(game.needs)
    engine = Engine(game, batcher, seed=0, device=torch.device("cpu"), ema=0.5)
    config = make_config({"variant": "vanilla", "training": {"samples": 5, **training}})
    recorder = Recorder()
    with RunFolder(path) as folder:
        folder.open_log()
        view = RunView(config, folder, "cpu", batcher.size)
        trainer = Trainer(engine=engine, batcher=batcher, run=view, observer=recorder, facts={})
        assert trainer.train() == status
    return engine, recorder


def test_a_signal_that_ends_the_readers_of_images_too_is_obeyed_all_the_same(tmp_path, monkeypatch):
    iterate = Engine.iterate

    def broken(engine, most):
        if engine.iteration == 3:
            signal.raise_signal(signal.SIGTERM)
            raise DataError("a process that reads images failed")
        iterate(engine)

    monkeypatch.setattr(Engine, "iterate", broken)
    engine, recorder = train("vanilla", tmp_path, status=143, steps=9)
    assert engine.iteration == 3
    assert (recorder.saved_at, recorder.reason) == ([3], "stopped")


def test_readers_that_die_without_a_signal_are_an_error(tmp_path, monkeypatch):
    def broken(engine, most):
        raise DataError("a process that reads images failed")

    monkeypatch.setattr(Engine, "iterate", broken)
    with pytest.raises(DataError, match="failed"):
        train("vanilla", tmp_path, steps=9)


@pytest.mark.parametrize("name", sorted(games.GAMES))
def test_trains_samples_and_saves(name, tmp_path):
    engine, recorder = train(name, tmp_path, steps=5, log_every=2, sample_every=3, save_every=4)
    assert engine.iteration == 5
    assert recorder.measured_at == [2, 4, 5]
    assert recorder.saved_at == [4, 5]
    assert [folder.name for folder in checkpoints(tmp_path / "checkpoints")] == ["step-000000005", "step-000000004"]
    assert len(recorder.samples) == 3  # before the first step, at 3, and at the end
    # A translation draws from a batch of the data (4), any other game what was asked for (5).
    assert {len(images) for images in recorder.samples} == {4 if name == "cycle" else 5}
    assert all(images.abs().max() <= 1 for images in recorder.samples)
    assert not torch.equal(recorder.samples[0], recorder.samples[-1])
    assert recorder.reason == "finished"


def test_watching_changes_nothing(tmp_path):
    seldom, _ = train("conditional", tmp_path / "a", steps=6, sample_every=100, log_every=100, save_every=100)
    often, _ = train("conditional", tmp_path / "b", steps=6, sample_every=1, log_every=1, save_every=1)
    for name, tensor in seldom.game.state_dict().items():
        assert torch.equal(tensor, often.game.state_dict()[name]), name


def test_what_fails_is_told_as_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(Engine, "iterate", lambda self, most: 1 / 0)
    reasons = []
    monkeypatch.setattr(Recorder, "ended", lambda self, progress, reason: reasons.append(reason))
    with pytest.raises(ZeroDivisionError):
        train("vanilla", tmp_path, steps=3)
    assert reasons == ["failed"]
