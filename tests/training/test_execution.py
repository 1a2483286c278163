"""What is decided before the first step, that it leaves no trace, and that a resumed run goes on with it."""

import json

import pytest
import torch

from ganzoo.cli.run_arguments import read_arguments
from ganzoo.config import make_config, read_config
from ganzoo.training import execution
from ganzoo.training.engine.capture import tape_recorder
from ganzoo.training.engine.snapshot import Snapshot
from ganzoo.training.engine.tiers import Graph
from ganzoo.training.session import Session
from ganzoo.training.tuning import Tuning

SMALL = {"net": {"g_widths": [16], "d_widths": [16]}, "data": {"dataset": "digits"}}


def session(**training):
    values = {"batch_size": 16, "device": "cpu", "steps": 1000, **training}
    return Session(make_config({"variant": "vanilla", **SMALL, "training": values}))


@pytest.fixture
def trial(monkeypatch):
    """Replaces the trial; notes with what it was called, and plays some iterations as one would."""
    calls = []

    def tune(work, **how):
        calls.append(how)
        for _ in range(7):
            work()
        threads = how["threads"] or 1
        return Tuning(threads=threads, allocator="system", seconds={"1 thread, system": 0.001}, source="tried")

    monkeypatch.setattr(execution, "tune", tune)
    return calls


def test_leaves_the_state_as_it_was(trial, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    made = session()
    before = Snapshot(made.engine)
    execution.decide(made.engine, made.config)
    after = Snapshot(made.engine)
    assert before.values == after.values
    assert all(torch.equal(tensor, after.flat()[name]) for name, tensor in before.flat().items())
    assert trial[0]["threads"] is None
    assert trial[0]["allocator"] == "auto"


def test_obeys_the_environment_and_options_in_that_order(trial, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    made = session()
    execution.decide(made.engine, made.config)
    made = session(threads=2)
    try:
        execution.decide(made.engine, made.config)
    finally:
        torch.set_num_threads(1)
    assert [call["threads"] for call in trial] == [1, 2]


def test_tries_nothing_for_a_run_that_is_over_before_it_pays(trial, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    made = session(steps=100)
    execution.decide(made.engine, made.config)
    assert trial == [{"threads": torch.get_num_threads(), "allocator": "system", "key": "", "cache": None}]


def test_a_run_puts_the_number_of_threads_back(tmp_path, trial):
    torch.set_num_threads(1)
    try:
        session(threads=2, steps=3).train(tmp_path / "run", resume=False)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize(("idle", "threads"), [(0, 1), (1, 1), (2, 2), (8, 2)])
def test_a_short_run_takes_no_more_threads_than_cores_are_idle(trial, monkeypatch, idle, threads):
    """Threads that wait for each other to be scheduled take many times as long as one."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(execution, "idle_cores", lambda: idle)
    made = session(steps=100)
    torch.set_num_threads(2)
    try:
        execution.decide(made.engine, made.config)
    finally:
        torch.set_num_threads(1)
    assert trial[0]["threads"] == threads


def test_the_key_is_of_what_decides_the_time_of_an_iteration():
    key = execution._key(session().config)
    assert key == execution._key(session(steps=9999, seed=5, log_every=7).config)
    others = [session(batch_size=32), session(precision="fp32"), session(precision="bf16"), session(ema=0.0)]
    assert len({key, *(execution._key(other.config) for other in others)}) == 4  # one of the precisions is the default


@pytest.mark.parametrize(
    ("budget", "count"),
    [({"steps": 40}, 40), ({"images": 3200, "steps": None}, 200), ({"epochs": 1.0, "steps": None}, 1437 / 16)],
)
def test_counts_the_iterations_of_a_budget(budget, count):
    made = session(**budget)
    assert execution.iterations(made.engine, made.config) == pytest.approx(count)


def test_a_budget_of_minutes_is_as_long_as_it_says():
    made = session(steps=None, minutes=2.0)
    assert execution.iterations(made.engine, made.config) == float("inf")
    assert execution._expected_seconds(made.engine, made.config, 0.2) == 120, "whatever executes it"


def test_the_expected_time_is_that_of_the_reference_whatever_tier_is_set(monkeypatch):
    made = session()
    timed = []

    def seconds(engine):
        timed.append(engine.tier.name)
        return 0.5

    monkeypatch.setattr(execution, "_seconds", seconds)
    made.engine.tier = graph = Graph(made.engine.cycle, tape_recorder)
    assert execution._expected_seconds(made.engine, made.config, 0.2) == pytest.approx(0.2 * 1000 * 0.5)
    assert timed == ["eager"] * 3
    assert made.engine.tier is graph


def test_what_was_decided_is_recorded_and_resumed(tmp_path, trial):
    first = session(steps=500)
    assert first.train(tmp_path / "run", resume=False) == 0
    config = make_config(read_config(tmp_path / "run" / "config.toml"))
    assert (config.training.engine, config.training.threads, config.training.allocator) == ("eager", 1, "system")
    assert config.training.precision == first.engine.precision
    again = Session(config.with_training(steps=510))
    again.train(tmp_path / "run", resume=True)
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert [entry["engine"]["asked"] for entry in facts["sessions"]] == ["auto", "eager"]
    assert facts["engine"]["tier"] == "eager"


def test_a_whole_run_and_a_resumed_one_are_the_same_whatever_was_tried(tmp_path, trial, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    session(steps=520).train(tmp_path / "whole", resume=False)
    session(steps=500).train(tmp_path / "part", resume=False)
    config = make_config(read_config(tmp_path / "part" / "config.toml"))
    Session(config.with_training(steps=520)).train(tmp_path / "part", resume=True)
    name = "checkpoints/step-000000520/model.safetensors"
    assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "part" / name).read_bytes()


def test_is_told_in_one_line():
    made = session()
    decided = execution.decide(made.engine, made.config.with_training(threads=1, allocator="system"))
    assert decided.describe().startswith(
        "engine eager (graph+compile: needs CUDA; graph: needs CUDA; compile: the run is"
    )
    assert decided.describe().endswith(", 1 thread, allocator system")
    assert decided.options() == {"engine": "eager", "threads": 1, "allocator": "system"}
    json.dumps(decided.as_dict())


@pytest.mark.parametrize(("words", "threads"), [([], 1), (["--threads", "auto"], None), (["--threads", "2"], 2)])
def test_a_resumed_run_keeps_its_threads_unless_it_is_told_otherwise(tmp_path, trial, monkeypatch, words, threads):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(execution, "_SHORT", 1)
    session(threads=1, steps=3).train(tmp_path / "run", resume=False)
    config, _ = read_arguments(["--resume", str(tmp_path / "run"), "--steps", "4", *words])
    Session(config).train(tmp_path / "run", resume=True)
    assert trial[-1]["threads"] == threads
    recorded = read_config(tmp_path / "run" / "config.toml")["training"]["threads"]
    assert recorded == (threads or 1), "what was found stands for auto"
