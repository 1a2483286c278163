"""A recorded iteration, played again, is the eager one to the bit; where it is not, the game broke a rule."""

from functools import cache

import pytest
import torch
from toys import games
from toys.faulty import ASKING, STATEFUL, UNSEEN, asking
from toys.playing import differences, make_engine, play

from ganzoo.errors import ContractError
from ganzoo.training.engine.capture import tape_recorder
from ganzoo.training.engine.snapshot import Snapshot
from ganzoo.training.engine.tape import record
from ganzoo.training.engine.tiers import Graph

ITERATIONS = 7  # past every change of plan of the toys, and no multiple of the span
SPAN = 3


@cache
def eagerly(name, precision="fp32", accumulate=1):
    return play(make_engine(name, precision=precision, accumulate=accumulate), ITERATIONS)


def replayed(engine, iterations=ITERATIONS):
    return play(engine, iterations, Graph(engine.cycle, tape_recorder, span=SPAN))


@pytest.mark.parametrize("name", sorted(games.GAMES))
def test_a_replay_is_the_eager_iteration_to_the_bit(name):
    assert differences(eagerly(name), replayed(make_engine(name))) == []


@pytest.mark.parametrize("name", ["conditional", "critic", "cycle"])
def test_so_it_is_in_low_precision(name):
    assert differences(eagerly(name, "bf16"), replayed(make_engine(name, precision="bf16"))) == []


@pytest.mark.parametrize("name", ["vanilla", "lazy"])
def test_so_it_is_where_gradients_are_accumulated(name):
    assert differences(eagerly(name, accumulate=2), replayed(make_engine(name, accumulate=2))) == []


def test_the_toys_do_train():
    start, end = Snapshot(make_engine("growing")), eagerly("growing")
    still = [name for name, tensor in start.flat().items() if torch.equal(tensor, end.flat()[name])]
    assert still == ["rng/global"]  # no toy drops out
    plans = [make_engine(name).game.rounds for name in ("clipped", "lazy", "growing")]
    assert [len({rounds(iteration) for iteration in range(ITERATIONS)}) for rounds in plans] == [2, 2, 2]


def test_the_state_is_as_before_once_a_tier_is_ready():
    engine = make_engine("cycle")
    before = play(engine, 2)
    engine.tier = Graph(engine.cycle, tape_recorder, span=SPAN)
    assert len(engine.get_ready(SPAN)) == SPAN
    assert differences(before, Snapshot(engine)) == []


def test_a_tier_records_a_sequence_of_plans_once():
    engine = make_engine("lazy")
    taken = []

    def recorder(body):
        taken.append(body)
        return tape_recorder(body)

    play(engine, 24, Graph(engine.cycle, recorder, span=4))
    assert len(taken) == 1
    play(engine, 3)  # less than the span is played one by one: a plan with r1, and twice the one without
    assert len(taken) == 3
    play(engine, 1)
    play(engine, 8)
    assert len(taken) == 3


def test_a_failed_recording_leaves_the_state_and_nothing_half_made():
    engine = make_engine("vanilla")
    before = play(engine, 2)
    tier = Graph(engine.cycle, lambda body: body() or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        play(engine, 1, tier)
    assert differences(before, Snapshot(engine)) == []
    with pytest.raises(ZeroDivisionError):  # it is tried again, not played
        engine.iterate()


def test_replays_draw_fresh_noise():
    engine = make_engine("autoencoder")
    engine.tier = Graph(engine.cycle, tape_recorder, span=1)
    start = play(engine, 1)
    first = play(engine, 1)
    now = Snapshot(engine)
    start.tensors["rng"] = now.tensors["rng"]  # all as it was but for the random streams
    start.restore()
    second = play(engine, 1)
    assert first.values["drawn"] == second.values["drawn"]
    changed = differences(first, second)
    assert "rng/turns" in changed
    assert "model/encoder.1.weight" in changed


def test_an_operation_is_repeated_on_the_same_memory():
    state, given = torch.zeros(3), torch.ones(3)
    seen = []

    def body():
        made = given * 2
        state.add_(made)
        seen.append(made)

    tape = record(body)
    assert state.tolist() == [2, 2, 2]
    given.fill_(5)
    tape.play()
    assert state.tolist() == [12, 12, 12]
    assert seen[0].tolist() == [10, 10, 10]
    assert len(seen) == 1  # Python was not run
    assert [operation.name for operation in tape.operations] == ["aten.mul.Tensor", "aten.add_.Tensor"]


def test_backward_and_optimizer_are_recorded_too():
    weight = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.Adam([weight], lr=0.1, fused=True)
    inputs = torch.ones(2)

    def body():
        optimizer.zero_grad()
        (weight * inputs).sum().backward()
        optimizer.step()

    body()
    tape = record(body)
    twice = weight.detach().clone()
    inputs.neg_()
    for _ in range(30):
        tape.play()
    assert (weight > twice).all()  # the gradient has the other sign now


@pytest.mark.parametrize("ask", sorted(ASKING.keys() - set(UNSEEN)))
def test_a_value_asked_for_is_refused(ask):
    scores = torch.linspace(-1, 1, 4)
    with pytest.raises(ContractError, match=r"aten\.\w+.* hands a value of a tensor to Python"):
        record(lambda: ASKING[ask](scores))


@pytest.mark.parametrize("index", [torch.tensor([2, 0]), slice(1, 3), (None, torch.tensor([1, 1]))])
def test_an_index_that_is_no_mask_is_not_refused(index):
    scores = torch.linspace(-1, 1, 4)
    tape = record(lambda: scores[index].sum())
    (result,) = tape.operations[-1].outputs
    scores.mul_(3)
    tape.play()
    assert torch.equal(result, scores[index].sum())


@pytest.mark.parametrize("labels", [torch.tensor([2, 0, 1]), torch.tensor([[1], [2]])])
def test_one_hot_labels_are_recorded_though_a_cpu_checks_them(labels):
    one_hot = torch.nn.functional.one_hot
    tape = record(lambda: one_hot(labels, 4))
    assert torch.equal(tape.operations[-1].outputs[0], one_hot(labels, 4))
    tape = record(lambda: one_hot(labels, num_classes=3))
    assert torch.equal(tape.operations[-1].outputs[0], one_hot(labels, num_classes=3))
    assert tape.operations[-1].outputs[0].dtype == torch.int64
    with pytest.raises(ContractError, match="hands a value"):
        record(lambda: one_hot(labels))


@pytest.mark.parametrize("name", sorted(STATEFUL))
def test_state_outside_of_tensors_stands_still_in_a_replay(name):
    torch.manual_seed(0)
    eager = play(make_engine(STATEFUL[name]()), 6)
    torch.manual_seed(0)
    changed = differences(eager, replayed(make_engine(STATEFUL[name]()), 6))
    assert any(key.startswith("model/") for key in changed)


def test_a_game_that_asks_cannot_be_recorded_and_keeps_its_state():
    engine = make_engine(asking("item"))
    before = Snapshot(engine)
    with pytest.raises(ContractError, match="_local_scalar_dense"):
        replayed(engine)
    assert differences(before, Snapshot(engine)) == []
