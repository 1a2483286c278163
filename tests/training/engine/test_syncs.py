"""The line of a plugin that asks for a value is named, wherever in torch the question is put."""

import inspect
from pathlib import Path

import pytest
import torch
from toys import faulty, games
from toys.faulty import ASKING, asking
from toys.playing import make_engine

from ganzoo.training.engine.syncs import find_syncs


def line_of(ask):
    """Where the only line of ``ask`` stands, and what it says."""
    (_, line), start = inspect.getsourcelines(ask)
    return f"{Path(faulty.__file__)}:{start + 1}: {line.strip()}"


@pytest.mark.parametrize("name", sorted(ASKING))
def test_the_line_of_the_plugin_is_named_once(name):
    engine = make_engine(asking(name))
    engine.prepare(engine.plans(2))
    lines = find_syncs(lambda: [engine.cycle.play(plan) for plan in engine.plans(2)])
    assert lines == [line_of(ASKING[name])]


@pytest.mark.parametrize("name", sorted(games.GAMES))
def test_games_that_keep_the_rules_have_no_such_line(name):
    engine = make_engine(name)
    plans = engine.plans(6)
    engine.prepare(plans)
    assert find_syncs(lambda: [engine.cycle.play(plan) for plan in plans]) == []


def test_a_question_in_a_backward_pass_is_found_too():
    class Nosy(torch.autograd.Function):
        @staticmethod
        def forward(ctx, given):
            return given * 2

        @staticmethod
        def backward(ctx, slope):
            return slope * slope.sum().item()

    weight = torch.ones(3, requires_grad=True)
    (line,) = find_syncs(lambda: Nosy.apply(weight).sum().backward())
    assert line.startswith(f"{__file__}:")
    assert line.endswith(": return slope * slope.sum().item()")


def test_torch_asking_on_behalf_of_a_line_is_put_down_to_that_line():
    scores = torch.linspace(-1, 1, 4)
    # Said aloud, for torch's compiler turns it off in the whole process.
    (line,) = find_syncs(lambda: torch.distributions.Normal(scores, 1.0, validate_args=True))
    assert line.endswith("torch.distributions.Normal(scores, 1.0, validate_args=True))")


def test_shapes_types_and_devices_may_be_asked_for():
    scores = torch.linspace(-1, 1, 4)

    def body():
        assert scores.shape == (4,)
        assert len(scores) == scores.numel() == scores.size(0)
        assert scores.dtype.is_floating_point
        first, *_ = scores
        scores[torch.tensor([0, 2])].to(scores.device).clamp(min=first)
        torch.nn.functional.one_hot(torch.tensor([0, 2]), 3)

    assert find_syncs(body) == []


def test_the_body_runs_once_and_what_it_raises_is_raised():
    calls = []
    find_syncs(lambda: calls.append(1))
    assert calls == [1]
    with pytest.raises(ZeroDivisionError):
        find_syncs(lambda: 1 / 0)
    assert torch.overrides._get_current_function_mode() is None
