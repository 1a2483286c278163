"""What is due between two iterations is done there, however many a tier plays at once."""

import pytest
import torch
from toys.playing import make_engine, play

from ganzoo.config import make_config
from ganzoo.training.engine.capture import tape_recorder
from ganzoo.training.engine.tiers import Eager, Graph, Tier
from ganzoo.training.observers import Observer, RunView
from ganzoo.training.run_folder import RunFolder
from ganzoo.training.trainer import Trainer

SPAN = 3


class Recorder(Observer):
    def __init__(self):
        self.events, self.logged, self.samples = [], [], []

    def sampled(self, progress, images):
        self.events.append(("sampled", progress.step))
        self.samples.append(images)

    def measured(self, progress, values):
        self.events.append(("measured", progress.step))
        self.logged.append(values)

    def evaluated(self, progress, values, *, best):
        self.events.append(("evaluated", progress.step))

    def saved(self, progress):
        self.events.append(("saved", progress.step))


class Judge:
    """An evaluator that only notes where the engine stands."""

    seconds = 0.0

    def evaluate(self, folder):
        return {}, False

    def state(self):
        return {}


def train(path, tier, **training):
    engine = make_engine("lazy", ema=0.5)
    engine.tier = tier(engine.cycle)
    config = make_config({"variant": "vanilla", "training": {"samples": 4, "batch_size": 4, **training}})
    recorder = Recorder()
    with RunFolder(path) as folder:
        folder.open_log()
        view = RunView(config, folder, "cpu", engine.batcher.size)
        judge = Judge() if config.training.eval_every else None
        trainer = Trainer(engine=engine, batcher=engine.batcher, run=view, observer=recorder, facts={}, evaluator=judge)
        assert trainer.train() == 0
    return engine, recorder


def graph(cycle):
    return Graph(cycle, tape_recorder, span=SPAN)


@pytest.mark.parametrize(
    "training",
    [
        {"steps": 13, "log_every": 5, "sample_every": 5, "save_every": 5, "eval_every": 5},
        {"steps": 13, "log_every": 2, "sample_every": 7, "save_every": 3},
        {"steps": None, "images": 50, "log_every": 5, "sample_every": 5, "save_every": 5},  # 12.5 batches
        {"steps": None, "epochs": 1.5, "log_every": 4, "sample_every": 100, "save_every": 100},
    ],
)
def test_everything_happens_at_its_step_and_the_run_ends_the_same(tmp_path, training):
    eager, expected = train(tmp_path / "eager", Eager, **training)
    engine, recorder = train(tmp_path / "graph", graph, **training)
    assert recorder.events == expected.events
    assert recorder.logged == expected.logged
    assert all(map(torch.equal, recorder.samples, expected.samples))
    assert engine.iteration == eager.iteration
    assert engine.values() == eager.values()
    for group, tensors in eager.tensors().items():
        for name, tensor in tensors.items():
            assert torch.equal(tensor, engine.tensors()[group][name]), f"{group}/{name}"


def test_the_steps_are_those_that_were_asked_for(tmp_path):
    _, recorder = train(tmp_path, graph, steps=13, log_every=5, sample_every=5, save_every=5, eval_every=5)
    at = {what: [step for event, step in recorder.events if event == what] for what, _ in recorder.events}
    assert at["measured"] == at["saved"] == at["evaluated"] == [5, 10, 13]
    assert at["sampled"] == [0, 5, 10, 13]


class Noting(Tier):
    """The reference, noting how many iterations it is given at once."""

    name = "noting"
    span = SPAN

    def __init__(self, cycle):
        self.cycle, self.played = cycle, []

    def play(self, plans):
        self.played.append(len(plans))
        for plan in plans:
            self.cycle.play(plan)


def test_whole_spans_are_played_where_nothing_is_due(tmp_path):
    engine, _ = train(tmp_path, Noting, steps=13, log_every=8, sample_every=100, save_every=100)
    assert sum(engine.tier.played) == 13
    assert engine.tier.played.count(SPAN) == 3  # 3 + 3 up to 6, then up to 8; 3 up to 11, then up to 13


@pytest.mark.parametrize("most", [1, 2, 3, 4, 100])
def test_never_more_is_played_than_may_be(most):
    engine = make_engine("lazy")
    engine.tier = graph(engine.cycle)
    play(engine, 2)
    engine.iterate(most)
    assert 1 <= engine.iteration - 2 <= min(most, SPAN)
    assert engine.iteration == engine.step.item()
    assert engine.values()["drawn"] == engine.iteration * engine.batcher.batch_size
