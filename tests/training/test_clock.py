"""The speed that is shown."""

import pytest

from ganzoo.training import trainer


def test_the_speed_is_that_since_the_last_lap_and_outlives_it(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(trainer.time, "monotonic", lambda: now[0])
    clock = trainer._Clock(before=50.0, images=1000)
    assert clock.rate(1000) == 0.0
    now[0] = 110.0
    assert clock.seconds == 60.0
    assert clock.rate(1500) == pytest.approx(50.0)
    clock.lap(1500)
    now[0] = 111.0
    assert clock.rate(1500) == pytest.approx(50.0)
    assert clock.rate(1700) == pytest.approx(200.0)


def test_the_display_is_refreshed_a_few_times_a_second(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(trainer.time, "monotonic", lambda: now[0])
    clock = trainer._Clock(before=0.0, images=0)
    due = []
    for _ in range(100):
        now[0] += 0.01
        due.append(clock.due())
    assert 3 <= sum(due) <= 4
