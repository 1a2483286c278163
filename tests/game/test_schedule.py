"""Schedules against their formula, as options and as tensors."""

import math

import pytest
import torch
from pydantic import ValidationError

from ganzoo.game import multiplier
from ganzoo.options import OptimizerSpec, ScheduleSpec


def expected(schedule, t):
    """The formula of the docstring, in Python's own arithmetic."""
    u = min(max((t - schedule.start) / schedule.steps, 0), 1) if schedule.decay != "none" else 0
    d = {"none": 1, "linear": 1 - u, "cosine": (1 + math.cos(math.pi * u)) / 2}[schedule.decay]
    rise = min(1, (t + 1) / schedule.warmup) if schedule.warmup else 1
    return rise * (schedule.final + (1 - schedule.final) * d if schedule.decay != "none" else 1)


@pytest.mark.parametrize(
    "schedule",
    [
        ScheduleSpec(),
        ScheduleSpec(warmup=5),
        ScheduleSpec(decay="linear", start=4, steps=10),
        ScheduleSpec(decay="linear", steps=10, final=3.0),
        ScheduleSpec(decay="cosine", steps=20, final=0.1),
        ScheduleSpec(warmup=3, decay="cosine", start=5, steps=8),
    ],
    ids=str,
)
def test_agrees_with_the_formula_at_every_step(schedule):
    for t in range(30):
        value = multiplier(schedule, torch.tensor(t))
        assert value.shape == ()
        assert value.dtype == torch.float32
        assert value.item() == pytest.approx(expected(schedule, t), abs=1e-6)


def test_runs_where_the_step_is_without_asking_for_its_value():
    step = torch.zeros((), dtype=torch.int64, device="meta")
    assert multiplier(ScheduleSpec(warmup=3, decay="cosine", steps=8), step).device.type == "meta"


@pytest.mark.parametrize("wrong", [{"decay": "linear"}, {"steps": 5}, {"decay": "step", "steps": 5}, {"final": -1}])
def test_refuses_what_makes_no_schedule(wrong):
    with pytest.raises(ValidationError):
        ScheduleSpec(**wrong)


@pytest.mark.parametrize("wrong", [{"max_grad_norm": 0.0}, {"max_grad_norm": -1.0}, {"schedule": {"warm": 3}}])
def test_refuses_an_optimizer_with_a_wrong_one(wrong):
    with pytest.raises(ValidationError):
        OptimizerSpec(**wrong)


def test_knows_whether_it_moves():
    assert not ScheduleSpec().moves
    assert not ScheduleSpec(start=5).moves
    assert ScheduleSpec(warmup=1).moves
    assert ScheduleSpec(decay="linear", steps=1).moves
