"""Means of logged scalars, and the first step at which one stopped being finite."""

import pytest
import torch

from ganzoo.errors import ContractError, NonFiniteError
from ganzoo.training.engine.meter import Meter, check_terms


@pytest.fixture
def meter():
    return Meter(torch.device("cpu"))


def add(meter, step, **values):
    meter.add("d/", {name: torch.tensor(value) for name, value in values.items()})
    meter.commit(torch.tensor(step))


def test_reads_means_and_starts_anew(meter):
    add(meter, 0, real=1.0, fake=10.0)
    add(meter, 1, real=3.0, fake=20.0)
    assert meter.read() == {"d/real": 2.0, "d/fake": 15.0}
    add(meter, 2, real=5.0, fake=5.0)
    assert meter.read() == {"d/real": 5.0, "d/fake": 5.0}
    assert meter.read() == {}


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_names_player_term_and_first_step_of_what_is_not_finite(meter, bad):
    add(meter, 6, real=1.0, fake=1.0)
    add(meter, 7, real=1.0, fake=bad)
    add(meter, 8, real=bad, fake=bad)
    with pytest.raises(NonFiniteError, match=r"term 'fake' of player 'd' stopped being finite at step 7"):
        meter.read()


def test_forgets_what_an_iteration_that_was_broken_off_has_added(meter):
    add(meter, 0, real=1.0)
    state = meter.state()
    meter.add("d/", {"real": torch.tensor(float("nan"))})
    meter.restore(state)
    add(meter, 1, real=3.0)
    assert meter.read() == {"d/real": 2.0}


@pytest.mark.parametrize("name", ["r1,r2", 3])
def test_refuses_a_name_that_cannot_be_logged(name):
    with pytest.raises(ContractError, match="no name to log it by"):
        check_terms("d", {name: torch.tensor(1.0)})


def test_goes_on_from_its_state(meter):
    add(meter, 0, real=1.0)
    other = Meter(torch.device("cpu"))
    other.restore(meter.state())
    add(meter, 1, real=2.0)
    add(other, 1, real=2.0)
    assert other.read() == meter.read() == {"d/real": 1.5}


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({}, "must be a dict of named 0-dim tensors"),
        (torch.tensor(1.0), "must be a dict of named 0-dim tensors"),
        ({"real": torch.zeros(4)}, r"term 'real' of player 'd' is a tensor of shape \(4,\)"),
        ({"real": 1.0}, "term 'real' of player 'd' is float"),
    ],
)
def test_refuses_what_are_no_terms(terms, message):
    with pytest.raises(ContractError, match=message):
        check_terms("d", terms)
