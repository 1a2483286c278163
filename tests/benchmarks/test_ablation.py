"""An ablation takes away one thing and nothing else, and tells what it did not measure."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ganzoo.parts.dropout import Dropout
from ganzoo.training.engine.snapshot import Snapshot
from ganzoo.training.tuning.allocator import can_keep

from .conftest import load

ablation = load("ablation")
contest = load("baselines.contest")
PARTS = {part.name: part for part in ablation.PARTS}


@pytest.fixture(autouse=True)
def _torchs_settings():
    settings = contest.Settings.now()
    yield
    settings.apply()


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def trial(small_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An ablation on 40 digits, in float32."""
    monkeypatch.setattr(ablation, "case_config", lambda case, training, data: small(case, training))
    found = ablation.Ablation(ablation.parse(["--batch-size", "8", "--data-dir", str(small_mnist)]))
    found.precision = "fp32"
    return found


def small(case: str, training: dict[str, Any]) -> Any:
    """A config on digits, which need no files; convolutions see 16 pixels, else there is one of them."""
    size = 8 if case == "vanilla" else 16
    return contest.case_config(case, training, {"dataset": "digits", "image_size": size})


def after(session: Any, iterations: int = 2) -> dict[str, torch.Tensor]:
    """All state after some iterations."""
    for _ in range(iterations):
        session.engine.iterate()
    return {name: value for name, value in Snapshot(session.engine).flat().items() if value.is_floating_point()}


def both(trial: Any, case: str, name: str, stack: ExitStack) -> tuple[dict[str, Any], dict[str, Any]]:
    """The state after some iterations with and without a part."""
    part = PARTS[name]
    full = after(trial.session(case, {}, stack))
    with part.building():
        other = trial.session(case, part.training, stack)
    part.change(other)
    return full, after(other)


@pytest.mark.parametrize("name", ["own gradients", "late reading"])
def test_what_only_costs_time_changes_no_bit(name: str, trial: Any, stack: ExitStack) -> None:
    full, other = both(trial, "vanilla", name, stack)
    assert full.keys() == other.keys()
    assert all(torch.equal(full[key], other[key]) for key in full)


@pytest.mark.parametrize(("case", "name"), [("vanilla", "merged pass"), ("vanilla", "fused Adam")])
def test_other_arithmetic_comes_close(case: str, name: str, trial: Any, stack: ExitStack, monkeypatch) -> None:
    monkeypatch.setattr(Dropout, "forward", lambda self, input: input)  # merged passes draw its numbers in one go
    full, other = both(trial, case, name, stack)
    for key in full:
        if key.startswith("model/"):
            torch.testing.assert_close(full[key], other[key], rtol=1e-3, atol=1e-3)


def test_gradients_of_all_players_are_computed(trial: Any, stack: ExitStack) -> None:
    for change, reached in ((lambda session: None, False), (ablation.with_all_gradients, True)):
        session = trial.session("vanilla", {}, stack)
        change(session)
        session.engine.optimizers["g"].step = lambda step: {}
        engine, seen = session.engine, []
        players = engine.players
        engine.game.after_update = lambda name, terms, turn, players=players, seen=seen: seen.append(
            [parameter.grad.clone() for parameter in players["d"].params]
        )
        engine.iterate()
        after_d, after_g = seen
        assert any(not torch.equal(a, b) for a, b in zip(after_d, after_g, strict=True)) == reached


def test_weights_stay_contiguous_only_where_asked(trial: Any, stack: ExitStack) -> None:
    with PARTS["channels last"].building():
        other = trial.session("dcgan", {}, stack)
    full = trial.session("dcgan", {}, stack)
    assert all(weight.is_contiguous() for weight in other.engine.game.parameters())
    assert not all(weight.is_contiguous() for weight in full.engine.game.parameters())


def test_torchs_own_parts_take_the_place_of_ganzoos(trial: Any, stack: ExitStack) -> None:
    session = trial.session("vanilla", {}, stack)
    rates = [each.p for each in session.engine.game.modules() if isinstance(each, Dropout)]
    ablation.with_torchs_dropout(session)
    ablation.with_torchs_adam(session)
    dropped = [each for each in session.engine.game.modules() if isinstance(each, nn.Dropout)]
    assert [each.p for each in dropped] == rates != []
    assert not any(isinstance(each, Dropout) for each in dropped)
    assert not any(group["fused"] for adam in ablation._adams(session) for group in adam.param_groups)
    after(session)


def test_batches_of_a_loader_are_drawn_instead(small_mnist: Path, stack: ExitStack, monkeypatch) -> None:
    words = ["--batch-size", "8", "--data-dir", str(small_mnist)]
    monkeypatch.setattr(ablation, "mnist_root", lambda options: small_mnist)
    monkeypatch.setattr(ablation, "case_config", lambda case, training, data: small(case, training))
    session = ablation.Ablation(ablation.parse(words)).session("vanilla", {}, stack)
    ablation.with_loader(session)
    engine = session.engine
    images = engine.cycle.batcher.draw()["images"]
    assert (images.shape, images.dtype) == ((8, 1, 28, 28), torch.float32)
    assert (images.min(), images.max()) == (-1, 1)
    assert engine.batcher is engine.cycle.batcher
    assert engine.batcher.drawn == 8


def test_what_a_case_does_not_have_is_told(trial: Any, stack: ExitStack) -> None:
    reasons = {
        case: {name for name, part in PARTS.items() if part.lacks(trial.session(case, {}, stack))}
        for case in ("vanilla", "dcgan", "wgan-gp")
    }
    keep = set() if can_keep() else {"kept memory"}
    assert reasons["vanilla"] == {"bf16", "channels last"} | keep
    assert reasons["dcgan"] >= {"bf16", "merged pass"} | keep
    assert reasons["wgan-gp"] >= {"bf16", "shared fake"} | keep


def test_a_part_that_does_not_exist_is_named(capsys) -> None:
    with pytest.raises(SystemExit):
        ablation.main(["--parts", "luck"])
    assert "invalid choice: 'luck'" in capsys.readouterr().err


def test_a_tiny_ablation_from_end_to_end(real_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "ablation.json"
    parts = ["--parts", "channels last", "kept memory", "own gradients"]
    words = ["--cases", "vanilla", "--batch-size", "8", "--seconds", "0.001", "--blocks", "2"]
    assert ablation.main([*words, *parts, "--data-dir", str(real_data), "--out", str(out)]) == 0
    (case,) = json.loads(out.read_text())["cases"]
    assert str(real_data) not in out.read_text()
    names = [*(pair["name"] for pair in case["pairs"]), *(each["name"] for each in case["skipped"])]
    assert sorted(names) == sorted(parts[1:])
    for pair in case["pairs"]:
        assert pair["times_as_fast"]["low"] <= pair["times_as_fast"]["high"]
        assert len(pair["with"]["seconds"]) == len(pair["without"]["seconds"]) == 2
    if can_keep():
        (pair,) = (pair for pair in case["pairs"] if pair["name"] == "kept memory")
        assert [pair[end]["settings"]["allocator"] for end in ("with", "without")] == ["keep", "system"]
