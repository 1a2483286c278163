"""A race: blocks of the wanted length, settings that do not leak, messages for bad input, and a record of it all."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from ganzoo.training.tuning import allocator

from .conftest import BENCHMARKS, load

race = load("race")
contest = load("baselines.contest")
surroundings = load("baselines.surroundings")


def contender(run: Callable[[int], None], **more: Any) -> Any:
    """A contender that trains nothing."""
    settings = more.pop("settings", contest.Settings.now())
    return contest.Contender("fake", run, dict, 64, settings, torch.device("cpu"), **more)


def test_a_block_is_as_long_as_asked_after_a_slow_start() -> None:
    played = 0

    def run(iterations: int) -> None:
        nonlocal played
        time.sleep(0.05 if played < 3 else 0.001 * iterations)  # such as a capture during the first iterations
        played += iterations

    fake = contender(run)
    fake.calibrate(0.03)
    fake.block()
    assert fake.iterations > 15
    assert fake.seconds[0] >= 0.025


def test_an_iteration_longer_than_a_block_is_a_block() -> None:
    calls: list[int] = []

    def run(iterations: int) -> None:
        calls.append(iterations)
        time.sleep(0.01)

    fake = contender(run)
    fake.calibrate(0.005)
    assert (fake.iterations, calls) == (1, [3, 1, 1])
    fake.block()
    assert calls == [3, 1, 1, 1]


def test_each_contender_runs_under_its_own_settings() -> None:
    seen: list[tuple[int, bool]] = []

    def run(iterations: int) -> None:
        seen.append((torch.get_num_threads(), torch.backends.cudnn.benchmark))

    now = contest.Settings.now()
    for threads, benchmark in ((2, True), (1, False)):
        contender(run, settings=replace(now, threads=threads, cudnn_benchmark=benchmark)).block()
    assert seen == [(2, True), (1, False)]


def test_each_contender_runs_under_its_own_allocator() -> None:
    if not allocator.can_keep():
        pytest.skip("glibc alone can keep freed memory")
    seen: list[bool] = []
    now = contest.Settings.now()
    for name in ("keep", "system", "keep"):
        contender(lambda iterations: seen.append(allocator.keeping()), settings=replace(now, allocator=name)).block()
    assert seen == [True, False, True]
    assert contest.Settings.now().allocator == "keep"


def test_a_tier_plays_as_many_iterations_at_once_as_it_can() -> None:
    asked: list[int] = []

    class Engine:
        iteration = 5

        def iterate(self, most: int) -> None:
            asked.append(most)
            self.iteration += min(most, 3)

    contest.advance(SimpleNamespace(engine=Engine()), 8)
    assert asked == [8, 5, 2]


def test_contenders_are_all_precisions_with_all_engines() -> None:
    words = ["--cases", "vanilla", "--batch-sizes", "64", "--precision", "fp32", "bf16", "--engine", "eager", "compile"]
    ((_, configs),) = race.Race(race.parse(words)).plan
    names = ["fp32 eager", "fp32 compile", "bf16 eager", "bf16 compile"]
    assert list(configs) == [f"ganzoo {name}" for name in names]
    assert [config.training.engine for config in configs.values()] == ["eager", "compile"] * 2


def test_weights_that_are_not_finite_are_told() -> None:
    net = nn.Linear(2, 2)
    fake = contender(lambda iterations: None, weights=(net,))
    assert fake.finite()
    net.weight.data[0, 0] = float("nan")
    assert not fake.finite()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cases", "stylegan"], "invalid choice: 'stylegan'"),
        (["--batch-sizes", "0"], "'0' is no whole number from 1 on"),
        (["--threads", "two"], "'two' is no whole number from 1 on"),
        (["--plain-threads", "all"], "'all' is no whole number from 1 on, nor 'default'"),
        (["--blocks", "-1"], "'-1' is no whole number from 1 on"),
        (["--busy", "1.5"], "'1.5' is no whole number from 0 on"),
        (["--seconds", "nan"], "'nan' is no number above 0"),
        (["--precision", "fp8"], "invalid choice: 'fp8'"),
    ],
)
def test_a_bad_option_is_named_with_what_it_may_be(words: list[str], message: str, capsys) -> None:
    with pytest.raises(SystemExit) as error:
        race.main(words)
    assert error.value.code == 2
    assert message in capsys.readouterr().err


def test_an_engine_that_ganzoo_does_not_have_is_refused_before_anything_runs(tmp_path: Path, capsys) -> None:
    out = tmp_path / "race.json"
    assert race.main(["--engine", "steam", "--out", str(out)]) == 2
    assert "engine" in capsys.readouterr().err
    assert not out.exists()


def test_a_device_that_is_not_there_is_refused(capsys) -> None:
    assert race.main(["--device", "cuda:99"]) == 2
    assert "cuda:99 is not on this machine" in capsys.readouterr().err


def test_torchs_own_threads_need_an_environment_that_leaves_them_alone(monkeypatch, capsys) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert race.main(["--plain-threads", "default"]) == 2
    assert "unset OMP_NUM_THREADS" in capsys.readouterr().err
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert race.Race(race.parse(["--plain-threads", "default"])).plain_threads == torch.get_num_threads()


def test_every_case_has_a_config_for_every_contender() -> None:
    plan = race.Race(race.parse([])).plan
    assert len(plan) == len(contest.CASES) * 3
    for (case, batch_size), configs in plan:
        assert list(configs) == ["ganzoo fp32 eager", "ganzoo bf16 eager"]
        assert {config.training.batch_size for config in configs.values()} == {batch_size}
        assert {config.variant for config in configs.values()} == {case.removesuffix("-mlp")}


def test_busy_cores_are_free_again_afterwards() -> None:
    with surroundings.busy(2) as processes:
        assert all(process.poll() is None for process in processes)
    assert all(process.poll() is not None for process in processes)


def test_a_contest_that_fails_is_recorded_and_the_race_goes_on(real_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "race.json"
    sizes = ["--batch-sizes", "60001", "8"]
    words = ["--cases", "vanilla", *sizes, "--precision", "fp32", "--seconds", "0.001", "--blocks", "2"]
    assert race.main([*words, "--data-dir", str(real_data), "--out", str(out)]) == 1
    failed, held = json.loads(out.read_text())["contests"]
    assert "--batch-sizes 60001 is more than the 60,000 images" in failed["failed"]
    assert (len(held["contenders"]), held["refused"]) == (2, {})


def test_a_tier_that_cannot_run_is_told_and_the_others_race(real_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "race.json"
    words = ["--cases", "vanilla", "--batch-sizes", "8", "--precision", "fp32", "--seconds", "0.001", "--blocks", "2"]
    engines = ["--engine", "graph", "eager"]
    assert race.main([*words, *engines, "--data-dir", str(real_data), "--out", str(out)]) == 1
    (held,) = json.loads(out.read_text())["contests"]
    assert [each["name"] for each in held["contenders"]] == ["plain", "ganzoo fp32 eager"]
    assert "needs CUDA" in held["refused"]["ganzoo fp32 graph"]


@pytest.mark.slow
def test_a_tiny_race_from_end_to_end(real_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "race.json"
    words = ["--cases", "vanilla", "wgan-gp-mlp", "--batch-sizes", "8", "--seconds", "0.01", "--blocks", "2"]
    command = [sys.executable, str(BENCHMARKS / "race.py"), *words, "--data-dir", str(real_data), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "x plain" in done.stdout
    record = json.loads(out.read_text())
    assert record["asked"]["threads"] == 1
    assert record["torch"] == torch.__version__
    assert str(real_data) not in out.read_text()
    for contest_record, images in zip(record["contests"], (8, 40), strict=True):
        plain, *others = contest_record["contenders"]
        assert [each["name"] for each in others] == ["ganzoo fp32 eager", "ganzoo bf16 eager"]
        assert plain["settings"]["allocator"] == "system"
        assert plain["times_as_fast_as_plain"] is None
        assert {each["images_per_iteration"] for each in contest_record["contenders"]} == {images}
        for each in contest_record["contenders"]:
            assert len(each["seconds"]) == len(each["cpu_seconds"]) == 2
            assert each["finite"]
        for each in others:
            assert len(each["config_sha256"]) == 64
            assert each["settings"]["allocator"] == contest.best_allocator(torch.device("cpu"))
            assert (each["tier"], each["choice"]["asked"]) == ("eager", "eager")
            assert each["times_as_fast_as_plain"]["low"] <= each["times_as_fast_as_plain"]["high"]
