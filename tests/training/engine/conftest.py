"""Devices, compilers and gates that are not there."""

import pytest
from toys.choosing import parity_of

from ganzoo.training.engine import choice
from ganzoo.training.engine.capture import tape_recorder
from ganzoo.training.engine.tiers import Compiled


@pytest.fixture
def as_on_cuda(monkeypatch):
    """A device that has graphs: a tape stands in for them."""
    monkeypatch.setattr(choice, "_needs", lambda engine, name: "")
    monkeypatch.setattr(choice, "cuda_recorder", lambda *rngs: tape_recorder)


@pytest.fixture
def as_it_is(monkeypatch):
    """A compiler that changes nothing, for the real gate."""
    monkeypatch.setattr(choice, "Compiled", lambda cycle: Compiled(cycle, lambda module: module))


@pytest.fixture
def gate(monkeypatch):
    """Replaces the gate: what it finds can be set, and whom it examined be read."""

    class Gate:
        def __init__(self):
            self.found, self.found_of, self.examined = {}, {}, []

        def __call__(self, engine, tier):
            self.examined.append(tier.name)
            return parity_of(tier, **self.found_of.get(tier.name, self.found))

    gate = Gate()
    monkeypatch.setattr(choice, "examine", gate)
    return gate
