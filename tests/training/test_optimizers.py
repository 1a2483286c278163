"""Each update rule against its formula, learning rates that move, and state that survives a round trip."""

import pytest
import torch
from torch import nn

from ganzoo.errors import CheckpointError, ContractError
from ganzoo.game import Player
from ganzoo.options import OptimizerSpec, ScheduleSpec
from ganzoo.training.engine.optimizers import PlayerOptimizer
from ganzoo.training.engine.syncs import find_syncs

CPU = torch.device("cpu")


def make(spec, weight=1.0, **player):
    parameter = nn.Parameter(torch.tensor([weight]))
    return parameter, PlayerOptimizer(
        Player(name="d", params=[parameter], loss=lambda turn: {}, optimizer=spec, **player), CPU
    )


def step(parameter, optimizer, gradient, number=0):
    parameter.grad = torch.tensor([gradient])
    optimizer.step(torch.tensor(number))


def test_sgd_with_momentum():
    parameter, optimizer = make(OptimizerSpec(name="sgd", lr=0.1, momentum=0.5))
    step(parameter, optimizer, 1.0)
    assert parameter.item() == pytest.approx(0.9)
    step(parameter, optimizer, 1.0)
    assert parameter.item() == pytest.approx(0.9 - 0.1 * 1.5)


def test_the_first_step_of_adam_is_the_learning_rate():
    parameter, optimizer = make(OptimizerSpec(name="adam", lr=0.01))
    step(parameter, optimizer, 123.0)
    assert parameter.item() == pytest.approx(1 - 0.01)


def test_rmsprop():
    parameter, optimizer = make(OptimizerSpec(name="rmsprop", lr=0.01, alpha=0.75))
    step(parameter, optimizer, 2.0)
    assert parameter.item() == pytest.approx(1 - 0.01 * 2 / (0.25 * 4) ** 0.5)


@pytest.mark.parametrize("name", ["sgd", "adam", "rmsprop"])
def test_weight_decay_pulls_to_zero_without_a_gradient(name):
    parameter, optimizer = make(OptimizerSpec(name=name, lr=0.01, weight_decay=0.1))
    step(parameter, optimizer, 0.0)
    assert parameter.item() < 1.0


@pytest.mark.parametrize("name", ["sgd", "adam", "rmsprop"])
def test_schedule_and_scale_multiply_the_learning_rate(name):
    scale = torch.tensor(0.5)
    moving, with_both = make(OptimizerSpec(name=name, lr=0.1), schedule=lambda step: 1 / (1.0 + step), lr_scale=scale)
    fixed, plain = make(OptimizerSpec(name=name, lr=0.1 * 0.5 / 4))
    step(moving, with_both, 1.0, number=3)
    step(fixed, plain, 1.0)
    assert moving.item() == pytest.approx(fixed.item())
    scale.zero_()
    before = moving.item()
    step(moving, with_both, 1.0, number=4)
    assert moving.item() == before


def test_betas_that_move_are_those_of_an_adam_that_is_told_them_each_step():
    def ramp(step):
        return torch.stack([torch.tensor(0.5), (0.9 + 0.01 * step).clamp(max=0.93)])

    moving, optimizer = make(OptimizerSpec(lr=0.1), betas=ramp)
    told = nn.Parameter(torch.tensor([1.0]))
    reference = torch.optim.Adam([told], lr=0.1)
    for number, gradient in enumerate((0.3, -2.0, 1.0, 0.1, 5.0)):
        step(moving, optimizer, gradient, number=number)
        reference.param_groups[0]["betas"] = (0.5, min(0.93, 0.9 + 0.01 * number))
        told.grad = torch.tensor([gradient])
        reference.step()
        assert moving.item() == pytest.approx(told.item(), rel=1e-5)


def test_only_adam_has_betas_to_move():
    with pytest.raises(ContractError, match="moves the betas of sgd"):
        make(OptimizerSpec(name="sgd"), betas=lambda step: torch.zeros(2))


@pytest.mark.parametrize("name", ["sgd", "adam", "rmsprop"])
def test_goes_on_from_its_state_bit_for_bit(name):
    spec = OptimizerSpec(name=name, lr=0.1, momentum=0.0 if name == "adam" else 0.9)
    one, first = make(spec)
    for gradient in (0.3, -0.2):
        step(one, first, gradient)
    other, second = make(spec, weight=one.item())
    second.restore(first.state())
    for parameter, optimizer in ((one, first), (other, second)):
        step(parameter, optimizer, 0.7)
    assert torch.equal(one, other)


@pytest.mark.parametrize("state", [{"5.exp_avg": torch.zeros(1)}, {"x": torch.zeros(1)}, {"0.exp_avg": torch.zeros(3)}])
def test_refuses_the_state_of_other_parameters(state):
    _, optimizer = make(OptimizerSpec())
    with pytest.raises(CheckpointError, match="optimizer state"):
        optimizer.restore(state)


@pytest.mark.parametrize("name", ["sgd", "adam", "rmsprop"])
def test_the_schedule_of_the_options_multiplies_the_learning_rate(name):
    schedule = ScheduleSpec(warmup=4, decay="linear", start=10, steps=10)
    moving, scheduled = make(
        OptimizerSpec(name=name, lr=0.1, schedule=schedule), schedule=lambda step: 1 / (1.0 + step)
    )
    fixed, plain = make(OptimizerSpec(name=name, lr=0.1 * 0.75 / 3))
    step(moving, scheduled, 1.0, number=2)
    step(fixed, plain, 1.0)
    assert moving.item() == pytest.approx(fixed.item(), rel=1e-5)
    before = moving.item()
    step(moving, scheduled, 1.0, number=25)  # the decay has ended at zero
    assert moving.item() == before


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_rmsprop_with_a_rate_that_moves_is_torchs_and_asks_for_no_value(momentum):
    spec = OptimizerSpec(name="rmsprop", lr=0.01, momentum=momentum, weight_decay=0.1)
    moving, optimizer = make(spec, schedule=lambda step: 0.5 + step)
    told = nn.Parameter(torch.tensor([1.0]))
    reference = torch.optim.RMSprop([told], lr=0.01, momentum=momentum, weight_decay=0.1)
    for number, gradient in enumerate((0.3, -2.0, 1.0)):
        moving.grad = torch.tensor([gradient])
        assert not find_syncs(lambda number=number: optimizer.step(torch.tensor(number)))
        reference.param_groups[0]["lr"] = 0.01 * (0.5 + number)
        told.grad = torch.tensor([gradient])
        reference.step()
        assert moving.item() == pytest.approx(told.item(), rel=1e-6)


@pytest.mark.parametrize(("gradient", "passes"), [(3.0, 1.0), (0.25, 0.25)])
def test_a_gradient_is_scaled_down_to_the_largest_norm_that_is_allowed(gradient, passes):
    parameter, optimizer = make(OptimizerSpec(name="sgd", lr=0.1, max_grad_norm=1.0))
    parameter.grad = torch.tensor([gradient])
    shown = optimizer.step(torch.tensor(0))
    assert shown["grad_norm"].item() == pytest.approx(gradient)
    assert parameter.item() == pytest.approx(1 - 0.1 * passes, rel=1e-5)


def test_all_state_exists_from_the_start_is_zero_and_keeps_its_memory():
    for spec in (OptimizerSpec(), OptimizerSpec(name="rmsprop", momentum=0.5), OptimizerSpec(name="sgd", momentum=0.9)):
        parameter, optimizer = make(spec, lr_scale=torch.tensor(1.0))
        assert parameter.item() == 1.0
        assert parameter.grad is None
        before = {name: value.data_ptr() for name, value in optimizer.state().items()}
        assert before
        assert not any(value.any() for value in optimizer.state().values())
        saved = {name: value.clone() for name, value in optimizer.state().items()}
        step(parameter, optimizer, 1.0)
        assert any(value.any() for value in optimizer.state().values())
        optimizer.restore(saved)
        assert {name: value.data_ptr() for name, value in optimizer.state().items()} == before
        assert not any(value.any() for value in optimizer.state().values())


def test_state_that_is_not_all_there_is_refused():
    _, optimizer = make(OptimizerSpec())
    saved = {name: value.clone() for name, value in optimizer.state().items()}
    saved.pop("0.exp_avg")
    with pytest.raises(CheckpointError, match=r"0\.exp_avg is not there"):
        optimizer.restore(saved)
