"""The allocator that keeps freed memory: what it keeps, what it gives back, and where there is none."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ganzoo.errors import ConfigError
from ganzoo.training.tuning import can_keep, tune
from ganzoo.training.tuning.allocator import keep_freed_memory, keeping, release

needs_glibc = pytest.mark.skipif(not can_keep(), reason="needs glibc")

PAGES = 12 * 2048
FAULTS = """
import json, resource, torch
from ganzoo.training.tuning.allocator import keep_freed_memory, keeping, release

def faults(rounds, tensors, megabytes):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        held = [torch.ones(megabytes << 18) for _ in range(tensors)]
        del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def measure():
    small = faults(100, 1, 1)
    return {"keeping": keeping(), "small": small, "first": faults(1, 12, 8), "later": faults(10, 12, 8)}

print(json.dumps([measure(), keep_freed_memory() or measure(), release() or measure()]))
"""


@pytest.fixture(scope="module")
def measured() -> list[dict[str, int]]:
    """Page faults of loops that make and free tensors: untouched, kept and released, in a process of their own."""
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout)


@needs_glibc
class TestTheAllocator:
    def test_keeps_memory(self, measured: list[dict[str, int]]) -> None:
        assert 20 * measured[1]["later"] < 10 * PAGES

    def test_gives_back_what_it_kept(self, measured: list[dict[str, int]]) -> None:
        huge = Path("/sys/kernel/mm/transparent_hugepage/enabled")
        if huge.exists() and huge.read_text().startswith("[always]"):
            pytest.skip("needs small pages")
        assert measured[2]["first"] > 0.8 * PAGES

    def test_knows_what_it_does(self, measured: list[dict[str, int]]) -> None:
        assert [each["keeping"] for each in measured] == [False, True, False]

    def test_once_released_is_no_worse_than_untouched(self, measured: list[dict[str, int]]) -> None:
        # With thresholds of 128 KiB, glibc's documented defaults, each of the 100 tensors would cost 256 faults.
        assert measured[2]["small"] < 1000

    def test_that_refuses_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Refusing:
            gnu_get_libc_version = None

            @staticmethod
            def mallopt(parameter: ctypes.c_int, value: ctypes.c_int) -> int:
                return 0

        with monkeypatch.context() as patch:
            patch.setattr(ctypes, "CDLL", lambda name: Refusing)
            with pytest.raises(ConfigError, match=r"refuses mallopt\(-4, 0\)"):
                keep_freed_memory()
        assert not keeping()


def test_an_allocator_that_is_not_there_is_refused_with_the_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    threads = torch.get_num_threads()
    for asked in (3, None):
        with pytest.raises(ConfigError, match="needs Linux with glibc") as caught:
            tune(lambda: None, threads=asked, allocator="keep", key="", cache=None)
        assert caught.value.choices == ("auto", "system")
        assert torch.get_num_threads() == threads
    release()
    assert not can_keep()
