"""While a run is built or trained the process computes as the run does, and as it did before once that is over."""

import pytest
import torch

from ganzoo.arithmetic import denormals_are_zero
from ganzoo.config import make_config
from ganzoo.errors import ConfigError
from ganzoo.training import session as sessions
from ganzoo.training.observers import Observer
from ganzoo.training.session import Session

ITS_OWN = (2, True)


def session(**training):
    raw = {"variant": "vanilla", "net": {"g_widths": [16], "d_widths": [16]}, "data": {"dataset": "digits"}}
    options = {"batch_size": 16, "device": "cpu", "steps": 2, "log_every": 1, "threads": 2, **training}
    return Session(make_config(raw | {"training": options}))


def now():
    """Threads of torch, and whether denormal numbers are 0."""
    return torch.get_num_threads(), denormals_are_zero()


@pytest.fixture(params=[(1, False), (1, True)], ids=["torch's own", "denormals are zero"])
def before(request):
    threads, flushed = request.param
    torch.set_num_threads(threads)
    torch.set_flush_denormal(flushed)
    yield request.param
    torch.set_num_threads(1)
    torch.set_flush_denormal(False)


class Watch(Observer):
    def __init__(self):
        self.seen = []

    def measured(self, progress, values):
        self.seen.append(now())


class Breaks(Observer):
    def measured(self, progress, values):
        raise ZeroDivisionError


def test_a_training(tmp_path, before):
    watch = Watch()
    made = session()
    assert now() == before
    assert made.train(tmp_path / "run", resume=False, observers=[watch]) == 0
    assert watch.seen == [ITS_OWN, ITS_OWN]
    assert now() == before


def test_a_training_that_fails(tmp_path, before):
    with pytest.raises(ZeroDivisionError):
        session().train(tmp_path / "run", resume=False, observers=[Breaks()])
    assert now() == before


def test_building_and_its_refusal(before, monkeypatch):
    seen = []

    def refuse(game, batch_size):
        seen.append(now())
        raise ConfigError("no such batch")

    monkeypatch.setattr(sessions, "_check_batch", refuse)
    with pytest.raises(ConfigError):
        session()
    assert seen == [ITS_OWN]
    assert now() == before


def test_its_engine_is_played_by_another(before):
    made = session()
    with made.in_force():
        made.engine.iterate(1)
        assert now() == ITS_OWN
    assert now() == before


def test_what_was_opened_is_closed_where_the_rest_is_refused(monkeypatch):
    closed = []
    opened = sessions.open_batches

    def watched(*args, **how):
        batcher = opened(*args, **how)
        monkeypatch.setattr(batcher, "close", lambda: closed.append(batcher))
        return batcher

    def refuse(*args, **how):
        raise ConfigError("no such engine")

    monkeypatch.setattr(sessions, "open_batches", watched)
    with session().batcher:
        assert closed == []
    assert len(closed) == 1
    monkeypatch.setattr(sessions, "Engine", refuse)
    with pytest.raises(ConfigError):
        session()
    assert len(closed) == 2
