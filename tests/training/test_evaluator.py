"""Evaluations during training: what they log, what they keep, and that they change nothing of the training."""

import json

import pytest
import torch
from safetensors.torch import load_file

import ganzoo
from ganzoo.api import resume
from ganzoo.config import make_config, plan_evaluations
from ganzoo.errors import ConfigError, NonFiniteError, UnknownNameError
from ganzoo.metrics.judge import Judge
from ganzoo.training.checkpoint import read_json
from ganzoo.training.evaluator import Evaluator
from ganzoo.training.observers import Observer
from ganzoo.training.session import Session

SMALL = {"net": {"g_widths": (16,), "d_widths": (16,)}, "batch_size": 16, "device": "cpu", "dataset": "digits"}
JUDGED = {"eval_every": 4, "eval_samples": 100}


def train(path, name="one", **settings):
    return ganzoo.train("vanilla", out=path, name=name, **{**SMALL, **JUDGED, "steps": 10, **settings})


def with_training(run, **change):
    values = run.config.to_dict()
    return make_config({**values, "training": {**values["training"], **change}})


def script(monkeypatch, name, *values):
    """Give the figure ``name`` of the evaluations to come these values."""
    left, real = iter(values), Judge.measure

    def scripted(self, fake, **settings):
        found = real(self, fake, **settings)
        return found | {name: found[name]._replace(value=next(left))}

    monkeypatch.setattr(Judge, "measure", scripted)


def evaluations(run):
    return [line for line in run.metrics() if "eval/seconds" in line]


def test_each_interval_and_the_end_are_judged_and_logged(tmp_path):
    run = train(tmp_path, eval_metrics="fid,mode-count")
    lines = evaluations(run)
    assert [line["step"] for line in lines] == [4, 8, 10]
    assert lines[0].keys() - {"step", "images", "seconds", "time"} == {
        *("eval/fid", "eval/modes", "eval/kl", "eval/least", "eval/most", "eval/confident", "eval/seconds")
    }
    found = ganzoo.evaluate(run, n=100, repeats=1, metrics=["fid"], resize=True, device="cpu")
    assert found.scores["fid"].mean == pytest.approx(lines[-1]["eval/fid"], rel=1e-9)


def test_the_best_snapshot_is_kept_and_can_be_used_alone(tmp_path, monkeypatch):
    script(monkeypatch, "fid", 5.0, 3.0, 4.0)
    run = train(tmp_path, eval_metrics="fid", save_every=4)
    best = ganzoo.load(run.path / "best")
    assert (best.step, ganzoo.load(run.path).step) == (8, 10)
    kept = load_file(run.path / "best" / "weights.safetensors")
    at_8 = load_file(run.path / "checkpoints" / "step-000000008" / "exported.safetensors")
    assert kept.keys() == at_8.keys()
    assert all(torch.equal(kept[name], at_8[name]) for name in kept)
    assert best.generate(3).shape == (3, 1, 8, 8)
    described = read_json(run.path / "best" / "generator.json")["evaluation"]
    assert described["figures"]["fid"] == 3.0
    assert described["extractor"] == "mnist-cnn"
    assert "warnings" not in described
    session = json.loads((run.path / "run.json").read_text())["sessions"][0]
    assert session["evaluation"]["best"] == {"figure": "fid", "value": 3.0, "step": 8}


def test_a_figure_that_is_better_higher_keeps_the_highest(tmp_path, monkeypatch):
    script(monkeypatch, "recall", 0.1, 0.4, 0.3)
    run = train(tmp_path, eval_metrics="fid,recall", eval_best="recall")
    assert ganzoo.load(run.path / "best").step == 8


def test_the_training_is_the_same_with_and_without(tmp_path):
    plain = train(tmp_path, "plain", eval_every=0)
    judged = train(tmp_path, "judged", eval_every=1)
    for group in ("model", "optimizers", "rng", "exported"):
        file = f"checkpoints/step-000000010/{group}.safetensors"
        a, b = load_file(plain.path / file), load_file(judged.path / file)
        assert a.keys() == b.keys()
        assert all(torch.equal(a[name], b[name]) for name in a), group
    assert not (plain.path / "best").exists()


def test_a_run_resumed_at_half_judges_as_one_that_was_not_stopped(tmp_path):
    whole = train(tmp_path, "whole", steps=16)
    half = train(tmp_path, "half", steps=8)
    half = resume(half.path, with_training(half, steps=16))

    def told(run):
        return [
            {k: v for k, v in line.items() if k not in ("time", "seconds", "eval/seconds")} for line in run.metrics()
        ]

    assert told(whole) == told(half)
    assert (whole.path / "best" / "weights.safetensors").read_bytes() == (
        half.path / "best" / "weights.safetensors"
    ).read_bytes()


def test_the_best_of_another_protocol_is_not_compared_with(tmp_path):
    run = train(tmp_path, steps=4)
    state = read_json(run.path / "checkpoints" / "step-000000004" / "state.json")["evaluation"]
    assert state["best"]["step"] == 4

    def restored(**change):
        session = Session(
            make_config({**run.config.to_dict(), "training": {**run.config.to_dict()["training"], **change}})
        )
        with session.batcher:
            session.evaluator.restore(state)
            return session.evaluator.best

    assert restored().step == 4
    assert restored(eval_samples=50) is None


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({}, 4),
        ({"step": 6}, 8),  # of an evaluation beyond the checkpoint, before a kill
        ({"evaluation": {}}, 8),
        (None, 8),
    ],
    ids=["as it was", "a later one", "another protocol", "gone"],
)
def test_a_best_that_is_not_in_its_folder_is_forgotten(tmp_path, monkeypatch, change, kept):
    script(monkeypatch, "fid", 1.0, 5.0)
    run = train(tmp_path, steps=4)
    file = run.path / "best" / "generator.json"
    if change is None:
        file.unlink()
    else:
        file.write_text(json.dumps({**read_json(file), **change}))
    resume(run.path, with_training(run, steps=8))
    assert read_json(file)["step"] == kept


def test_weights_that_are_not_finite_are_no_best(tmp_path, monkeypatch):
    real = Evaluator.evaluate

    def broken(self, folder):
        next(self._engine.exported.parameters()).data.fill_(float("nan"))
        return real(self, folder)

    monkeypatch.setattr(Evaluator, "evaluate", broken)
    with pytest.raises(NonFiniteError, match=r"exported tensor '.*' is not finite at step 4"):
        train(tmp_path)
    assert not (tmp_path / "one" / "best").exists()


class Ear(Observer):
    def __init__(self):
        self.heard = []

    def noted(self, text):
        self.heard.append(text)


def test_a_warning_is_heard_once_and_kept_with_the_best(tmp_path):
    ear = Ear()
    run = train(tmp_path, steps=8, eval_samples=50, observers=[ear])
    said = "fid: 50 samples do not span 96 features, so their covariance is singular; take more than 96"
    assert ear.heard.count(f"warning: {said}") == 1
    assert read_json(run.path / "best" / "generator.json")["evaluation"]["warnings"] == [said]


def test_notes_are_heard_and_a_metric_that_has_no_figure_is_missed_aloud(tmp_path, monkeypatch):
    real = Judge.measure
    monkeypatch.setattr(Judge, "measure", lambda judge, fake: {"fid": real(judge, fake)["fid"]})
    ear = Ear()
    train(tmp_path, steps=8, split="all", eval_metrics="fid,mode-count", observers=[ear])
    said = "warning: mode-count has no figure for the samples of this run against digits:test"
    assert ear.heard.count(said) == 1
    assert ear.heard.count("note: the run was trained on all images, also on those that it is held against") == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"split": "all"}, "memorisation compares with training images"),
        ({"eval_against": "digits:train"}, "memorisation compares with training images"),
        ({"eval_samples": 3, "eval_metrics": "recall"}, "needs at least 4 samples, and 3 are asked for"),
    ],
)
def test_what_can_never_have_a_figure_is_refused_before_anything_is_written(tmp_path, settings, said):
    with pytest.raises(ConfigError, match=said):
        train(tmp_path, **{"eval_metrics": "fid,copying", **settings})
    assert list(tmp_path.iterdir()) == []


def test_a_best_snapshot_that_another_figure_chose_does_not_give_way_silently(tmp_path):
    run = train(tmp_path, steps=8, eval_metrics="fid,kid")
    ear = Ear()
    more = with_training(run, steps=12, eval_best="kid")
    ganzoo.resume(run.path, more, observers=[ear])
    (said,) = (sentence for sentence in ear.heard if "gives way" in sentence)
    assert "by fid, was chosen under other conditions than" in said


def test_its_time_is_told_apart(tmp_path, monkeypatch):
    import time

    real = Evaluator.evaluate

    def slow(self, folder):
        time.sleep(0.3)
        self.seconds += 0.3
        return real(self, folder)

    monkeypatch.setattr(Evaluator, "evaluate", slow)
    run = train(tmp_path, steps=2, eval_every=1)
    state = read_json(run.path / "checkpoints" / "step-000000002" / "state.json")
    assert state["evaluation"]["seconds"] > 0.6
    session = json.loads((run.path / "run.json").read_text())["sessions"][0]
    assert state["seconds"] < session["seconds"] - 0.6


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"eval_metrics": "fdi"}, UnknownNameError, "did you mean 'fid'"),
        ({"eval_metrics": "fid,"}, ConfigError, "empty name"),
        ({"eval_best": "kid"}, ConfigError, "samples cannot be ranked by 'kid'"),
        ({"eval_metrics": "memorisation", "eval_best": "nn-ratio"}, ConfigError, "samples cannot be ranked"),
        ({"eval_features": "inceptoin-v3"}, UnknownNameError, "did you mean 'inception-v3'"),
        ({"eval_against": "mnits"}, UnknownNameError, "did you mean 'mnist'"),
        ({"eval_against": "digits:dev"}, ConfigError, "data set digits has no split 'dev'"),
    ],
)
def test_what_cannot_be_judged_is_refused_before_anything_is_written(tmp_path, settings, error, message):
    with pytest.raises(error, match=message):
        train(tmp_path, **settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("settings", [{"eval_metrics": "fdi"}, {"eval_features": "inceptoin-v3"}])
def test_a_wrong_name_is_told_where_nothing_is_judged(tmp_path, settings):
    with pytest.raises(UnknownNameError, match="did you mean"):
        ganzoo.train("vanilla", dataset="digits", steps=1, out=tmp_path, **settings)
    assert list(tmp_path.iterdir()) == []


def test_the_first_figure_with_a_better_way_ranks():
    config = make_config({"variant": "vanilla", "training": {"eval_metrics": "memorisation,kid"}})
    assert plan_evaluations(config).yardstick().name == "kid"
    with pytest.raises(ConfigError, match="cannot be ranked by 'copying': it has no better way"):
        plan_evaluations(config).yardstick("copying")
