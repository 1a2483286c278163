"""What is done to torch and to the random generators while somebody watches is told."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from ganzoo.registry.effects import Watch


@pytest.fixture
def _restored():
    states = random.getstate(), np.random.get_state(), torch.get_rng_state(), torch.get_default_dtype()
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])
    torch.set_default_dtype(states[3])


@pytest.mark.usefixtures("_restored")
@pytest.mark.parametrize(
    ("act", "clause"),
    [
        (lambda: random.seed(0), "it seeds or uses the global generator of random"),
        (lambda: np.random.seed(0), "it seeds or uses the global generator of numpy"),
        (lambda: torch.manual_seed(12345), "it seeds or uses the global generator of torch"),
        (lambda: torch.rand(1), "it seeds or uses the global generator of torch"),
        (lambda: torch.set_default_dtype(torch.float64), "it changes the default dtype of torch"),
    ],
)
def test_a_change_is_told(act, clause):
    with Watch() as watch:
        act()
        assert watch.changes() == [clause]
        watch.renew()
        assert watch.changes() == []


@pytest.mark.parametrize(
    ("owner", "name", "told"),
    [
        (torch.nn.functional, "relu", "torch.nn.functional.relu"),
        (torch.Tensor, "backward", "torch.Tensor.backward"),
        (torch.nn.Linear, "forward", "torch.nn.Linear.forward"),
        (torch.nn, "Linear", "torch.nn.Linear"),
        (torch.optim.Adam, "step", "torch.optim.Adam.step"),
    ],
)
def test_a_patch_is_told_by_its_name(owner, name, told, monkeypatch):
    with Watch() as watch:
        monkeypatch.setattr(owner, name, lambda *words: None)
        (clause,) = watch.changes()
    assert clause.startswith(f"it replaces {told}")


def test_what_is_new_is_no_patch(monkeypatch):
    with Watch() as watch:
        monkeypatch.setattr(torch, "ganzoo_was_here", print, raising=False)
        torch.nn.Linear(2, 2, device="meta")
        random.Random(0).random()
        torch.Generator().manual_seed(0)
        assert watch.changes() == []
