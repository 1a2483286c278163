"""Trainings of a suite: their configs, what is kept of them, and what makes them fail."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from toys import results as made_up

from ganzoo.bench import trainings as room
from ganzoo.bench.process import ContenderError
from ganzoo.bench.result import read_result, write_result
from ganzoo.bench.suite import Suite
from ganzoo.config import validate
from ganzoo.errors import ConfigError


def suite(**quality: Any) -> Suite:
    raw = {
        "name": "s",
        "quality": {"images": 1000, "evaluations": 4, "curve": "fid", "metrics": "fid"} | quality,
        "common": {"data": {"dataset": "digits"}, "training": {"batch_size": 10, "threads": 1}},
        "variants": {"vanilla": {}, "wgan-gp": {"net": {"width": 4}, "data": {"image_size": 16}}},
    }
    return validate(Suite, raw)


@pytest.mark.parametrize(("variant", "rounds"), [("vanilla", 1), ("wgan-gp", 5)])
def test_evaluations_are_spread_over_the_iterations_of_a_budget(variant: str, rounds: int) -> None:
    training = room.training_config(suite(), variant, 3, "cpu").training
    assert (training.images, training.seed, training.eval_metrics) == (1000, 3, "fid")
    assert training.eval_every == 1000 // (10 * rounds) // 4


def test_a_time_is_turned_into_iterations_by_a_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    class Trial:
        def __init__(self, job: Any) -> None:
            assert job.config["training"]["minutes"] == 2

        def __enter__(self) -> Trial:
            return self

        def __exit__(self, *exc: Any) -> None: ...
        def start(self) -> None: ...
        def warm_up(self) -> dict[str, Any]:
            return {"warm_up": {"iterations": 50, "seconds": 5.0, "settled": True}}

    monkeypatch.setattr(room, "Process", Trial)
    timed = suite(images=None, minutes=2)
    training = room.training_config(timed, "vanilla", 0, "cpu").training
    assert (training.minutes, training.eval_every) == (2, 300)  # 120 s at 10 iterations a second, in 4 pieces


def test_seeds_of_a_time_are_judged_at_the_same_images(tmp_path: Path) -> None:
    timed = suite(images=None, minutes=2)
    assert room._interval_of_others(timed, "vanilla", tmp_path) is None
    begun = room.training_config(timed, "vanilla", 0, "cpu", 123)
    (tmp_path / "vanilla-0.toml").write_text(begun.to_toml(), encoding="utf-8")
    assert room._interval_of_others(timed, "vanilla", tmp_path) == 123
    assert room._interval_of_others(timed, "wgan-gp", tmp_path) is None
    assert room._interval_of_others(suite(), "vanilla", tmp_path) is None, "a budget of images needs no trial"


def test_a_run_whose_session_was_killed_is_recorded(tmp_path: Path) -> None:
    """A killed session tells neither its processor time nor its memory."""
    killed = {"from_step": 0, "startup_seconds": 2.0}
    last = {"images": 640, "to_step": 10, "startup_seconds": 1.0, "cpu_seconds": 5.0, "peak_memory_bytes": 7}
    last |= {"environment": {"cpu": "Example 9000"}, "evaluation": {"best": None}}
    facts = {"sessions": [killed, last], "origins": {}, "engine": {}}
    (tmp_path / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    line = {"step": 10, "images": 640, "seconds": 9.0, "eval/fid": 5.0, "eval/seconds": 1.0}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    found = room.record("vanilla", 0, tmp_path, {})
    assert (found.cpu_seconds, found.peak_memory_bytes, found.sessions, found.startup_seconds) == (None, 7, 2, 3.0)
    write_result(tmp_path / "results.json", made_up.result(trainings=[found]))
    assert read_result(tmp_path / "results.json").trainings == [found]
    (tmp_path / "metrics.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(ContenderError, match="never judged"):
        room.record("vanilla", 0, tmp_path, {})


def test_how_a_run_is_executed_is_no_part_of_what_it_computes() -> None:
    asked = room.training_config(suite(), "vanilla", 0, "cpu").to_dict()
    ran = json.loads(json.dumps(asked))
    ran["training"] |= {"engine": "eager", "threads": 2, "device": "cpu", "allocator": "keep"}
    assert room.computed(ran) == room.computed(asked)
    ran["training"]["batch_size"] = 11
    assert room.computed(ran) != room.computed(asked)


def test_a_folder_of_other_settings_is_refused_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "vanilla-0"
    path.mkdir()
    other = room.training_config(suite(images=500), "vanilla", 0, "cpu")
    (path / "config.toml").write_text(other.to_toml(), encoding="utf-8")
    with pytest.raises(ConfigError, match="other settings"):
        room.train(suite(), "vanilla", 0, "cpu", tmp_path)
    assert [each.name for each in path.iterdir()] == ["config.toml"]


class TestCommands:
    """What a command says becomes the reason of a failure."""

    def say(self, monkeypatch: pytest.MonkeyPatch, status: int, told: str = "", output: str = "") -> None:
        done = SimpleNamespace(returncode=status, stderr=told, stdout=output)
        monkeypatch.setattr(subprocess, "run", lambda *words, **more: done)

    def test_its_message(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.say(monkeypatch, 6, "error: d/real became NaN at step 7\n  fix: lower the learning rate\n")
        with pytest.raises(ContenderError, match=r"training x: d/real became NaN at step 7\n  fix: lower"):
            room._ganzoo(["run"], "training x")

    def test_the_last_line_of_a_traceback(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.say(monkeypatch, 1, "Traceback (most recent call last):\n  File x\nRuntimeError: broken")
        with pytest.raises(ContenderError, match=r"^training x: RuntimeError: broken$"):
            room._ganzoo(["run"], "training x")

    @pytest.mark.parametrize("status", [130, 143])
    def test_an_interruption_is_passed_on(self, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
        self.say(monkeypatch, status)
        with pytest.raises(KeyboardInterrupt):
            room._ganzoo(["run"], "training x")

    @pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
    def test_a_figure_that_no_file_can_hold(self, monkeypatch, tmp_path: Path, constant: str) -> None:
        self.say(monkeypatch, 0, output=f'{{"figures": {{"fid": {constant}}}}}')
        config = room.training_config(suite(), "vanilla", 0, "cpu")
        with pytest.raises(ContenderError, match=f"a figure is {constant}"):
            room._judge(tmp_path, "fid", config)
        assert list(tmp_path.iterdir()) == []

    def test_an_evaluation_is_kept_until_other_metrics_are_asked_for(self, monkeypatch, tmp_path: Path) -> None:
        config = room.training_config(suite(), "vanilla", 0, "cpu")
        self.say(monkeypatch, 0, output='{"source": "/home/somebody/x", "figures": {}}')
        assert room._judge(tmp_path, "fid", config) == {"source": tmp_path.name, "figures": {}}
        self.say(monkeypatch, 1, "error: asked again")
        assert room._judge(tmp_path, "fid", config) == {"source": tmp_path.name, "figures": {}}
        with pytest.raises(ContenderError, match="asked again"):
            room._judge(tmp_path, "fid,kid", config)
