"""How many cores there are, and how many of them are idle."""

from __future__ import annotations

import os

import pytest

from ganzoo.training.tuning import machine


@pytest.mark.parametrize(
    ("text", "cores"),
    [("max 100000", 4), ("150000 100000", 2), ("50000 100000", 1), ("900000 100000", 4), ("garbage", 4), (None, 4)],
)
def test_a_container_with_time_for_fewer_cores_has_fewer(tmp_path, monkeypatch, text, cores):
    quota = tmp_path / "cpu.max"
    if text is not None:
        quota.write_text(text + "\n", encoding="utf-8")
    monkeypatch.setattr(machine, "_QUOTA", quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(4), raising=False)
    assert machine.usable_cores() == cores


def test_a_system_that_tells_no_load_has_all_its_cores_idle(tmp_path, monkeypatch):
    def refuse():
        raise OSError("hidden")

    monkeypatch.setattr(os, "getloadavg", refuse, raising=False)
    assert machine.idle_cores() == machine.usable_cores()
