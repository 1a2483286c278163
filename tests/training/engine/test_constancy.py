"""What Python changes between two iterations is found and named, and what changes in memory is not."""

import pytest
import torch
from torch.multiprocessing.reductions import StorageWeakRef
from toys import games
from toys.faulty import STATEFUL
from toys.playing import make_engine

from ganzoo.training.engine.constancy import find_change, trace
from ganzoo.training.engine.parity import ITERATIONS


def change_of(body, between=0):
    first = trace(body)
    for _ in range(between):
        body()
    return find_change(first, trace(body))


def changes_in(engine):
    """What changes in each plan of the next iterations."""

    def play(plan):
        engine.prepare((plan,))
        return trace(lambda: engine.cycle.play(plan))

    found = []
    for plan in dict.fromkeys(engine.plans(ITERATIONS)):
        play(plan)  # so that what lasts exists
        traces = [play(plan) for _ in range(4)]
        found.append(find_change(traces[0], traces[-1]))
    return found


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", sorted(games.GAMES))
def test_games_that_keep_the_rules_do_not_change(name, precision):
    assert not any(changes_in(make_engine(name, precision=precision)))


@pytest.mark.parametrize("name", sorted(STATEFUL))
def test_state_outside_of_tensors_is_found(name):
    torch.manual_seed(0)
    (change,) = changes_in(make_engine(STATEFUL[name]()))
    assert change.startswith("the step changes between iterations, from ")
    line = {
        "counter": 'faulty.py:27: return {"fake": super().generator(fake_scores)["fake"] * (1 + self.calls / 10)}',
        "list pool": "networks.py:54: return self.body(images)",  # which is given another image
        "float schedule": "schedule=lambda step: torch.tensor(0.7**self.updates))",
    }[name]
    assert change.endswith(line)


class Counting:
    """Python numbers and tensors that a body may use."""

    def __init__(self):
        self.calls = 0
        self.state = torch.ones(3)
        self.kept = torch.ones(3)

    def tick(self):
        self.calls += 1
        return self.calls


CHANGES = {
    "a factor": (lambda c: c.state * (c.tick() / 4), "from 0.25 to 0.5"),
    "a tensor of it": (lambda c: c.state * torch.tensor(c.tick() / 4), "from 0.25 to 0.5"),
    "a name": (lambda c: c.state.to(torch.float64 if c.tick() > 1 else torch.float16), "from torch.float16 to "),
    "an operation": (lambda c: c.state.exp() if c.tick() > 1 else c.state.log(), "from aten.log.default to aten.exp."),
    "some operations": (lambda c: [c.state.exp() for _ in range(c.tick())], "from 1 operations to 2"),
    "a slice": (lambda c: c.state[: c.tick()], "from 1 to 2"),
    "an image kept": (lambda c: setattr(c, "kept", c.kept * 2), "from one tensor to another"),
    "a constant": (lambda c: c.state + torch.tensor([c.tick(), 2, 3]), "from one tensor to another"),
    "a list": (lambda c: torch.cat([c.state] * c.tick()), "from 1 arguments to 2"),
    "a new stream": (lambda c: torch.rand(2, generator=torch.Generator()), "from <torch._C.Generator"),
}


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_what_changes_is_named(name):
    body, expected = CHANGES[name]
    counting = Counting()
    change = change_of(lambda: body(counting))
    assert change.startswith(f"the step changes between iterations, {expected}")
    if name != "some operations":
        assert "test_constancy.py:" in change


def test_what_changes_in_memory_is_no_change():
    state, rng = torch.ones(3), torch.Generator()
    weight = torch.ones(3, requires_grad=True)
    optimizer = torch.optim.Adam([weight], lr=0.1, fused=True)

    def body():
        optimizer.zero_grad()
        noise = torch.rand(3, generator=rng) * torch.tensor([1.0, 2.0, 3.0]) * torch.tensor(0.5) * float("nan")
        (weight * state + noise).sum().backward()
        optimizer.step()
        state.add_(1)

    body()
    assert change_of(body, between=3) == ""


def test_a_trace_holds_none_of_what_is_made():
    state = torch.ones(1000)
    made = []

    def body():
        product = state * 2
        made.append(StorageWeakRef(product.untyped_storage()))
        state.add_(product)

    kept = trace(body)
    assert len(kept.calls) == 2
    assert made[0].expired()
