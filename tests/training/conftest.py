"""A machine in fake time in place of this one, and a memory of choices of the test's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from toys.host import Host

from ganzoo.training.tuning import TuningCache, auto, machine


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host()

    def set_kept(kept: bool) -> None:
        host.kept = kept

    monkeypatch.setattr(torch, "get_num_threads", lambda: host.threads)
    monkeypatch.setattr(torch, "set_num_threads", lambda threads: setattr(host, "threads", threads))
    monkeypatch.setattr(auto, "keep_freed_memory", lambda: set_kept(True))
    monkeypatch.setattr(auto, "release", lambda: set_kept(False))
    monkeypatch.setattr(auto, "keeping", lambda: host.kept)
    for module in (auto, machine):
        monkeypatch.setattr(module, "can_keep", lambda: host.glibc)
        monkeypatch.setattr(module, "usable_cores", lambda: host.cores)
    monkeypatch.setattr(os, "getloadavg", lambda: (host.load, 0.0, 0.0), raising=False)
    return host


@pytest.fixture
def own(tmp_path: Path) -> TuningCache:
    return TuningCache(tmp_path)
