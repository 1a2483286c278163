"""Whole runs on the GPU: the same training however it is cut, read on a CPU, measured and benchmarked."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from ganzoo.cli.main import main

NET = ["--net.g-widths", "32", "--net.d-widths", "32"]
RUN = ["run", "vanilla", "--dataset", "digits", "--device", "cuda", "--batch-size", "16", *NET, "--quiet"]


def run(*words: str) -> int:
    return main([*RUN, *words])


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_that_was_cut_goes_on_to_the_bit(here, deterministic, capsys):
    whole = ["--engine", "graph", "--save-every", "20"]
    assert run("--steps", "60", "--name", "whole", *whole) == 0
    assert run("--steps", "40", "--name", "cut", *whole) == 0
    assert main(["run", "--resume", "runs/cut", "--steps", "60"]) == 0
    facts = json.loads((here / "runs/whole/run.json").read_text())
    assert facts["engine"]["tier"] == "graph"
    assert facts["engine"]["parity"]["exact"]
    ours, theirs = (load_file(here / f"runs/{name}/generator/weights.safetensors") for name in ("whole", "cut"))
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def test_auto_takes_a_graph_and_says_why_nothing_above(here, capsys):
    assert run("--steps", "600", "--name", "auto") == 0
    engine = json.loads((here / "runs/auto/run.json").read_text())["engine"]
    assert engine["tier"] == "graph", engine
    assert "the run is short" in engine["reasons"]["graph+compile"]


def test_a_run_goes_on_on_a_cpu_and_is_sampled_and_judged_there(here, capsys):
    assert run("--steps", "40", "--name", "moved") == 0
    assert main(["run", "--resume", "runs/moved", "--steps", "48", "--device", "cpu", "--engine", "eager"]) == 0
    assert main(["sample", "runs/moved", "--device", "cpu", "--n", "4"]) == 0
    judged = ["eval", "runs/moved", "--against", "digits:test", "--n", "200", "--resize", "--json"]
    assert main([*judged, "--device", "cpu"]) == 0
    assert main([*judged, "--device", "cuda"]) == 0


def test_the_kit_holds_on_a_gpu(capsys):
    assert main(["check", "vanilla", "--checks", "syncs"]) == 0


@pytest.mark.slow
def test_a_benchmark_times_all_tiers_on_the_gpu(here, capsys):
    words = ["bench", "vanilla", "--suite", "throughput", "--device", "cuda", "--batch-size", "32"]
    words += ["--dataset", "digits", "--engine", "eager,graph", "--precision", "fp32"]
    assert main([*words, "--out", "bench", "--quiet"]) == 0
    (contest,) = json.loads((here / "bench/results.json").read_text())["contests"]
    assert "NVIDIA" in contest["environment"]["gpu"]
    assert [each["tier"] for each in contest["contenders"]] == ["plain", "eager", "graph"]
