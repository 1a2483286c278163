"""Threads and allocator are chosen by a short trial, told as they were chosen, and remembered while that holds."""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from ganzoo.errors import ConfigError
from ganzoo.training.tuning import Tuning, TuningCache, auto, cache, can_keep, machine, tune
from ganzoo.training.tuning.allocator import keep_freed_memory, keeping, release

MONTH = 30 * 24 * 3600.0

fork = multiprocessing.get_context("fork")

needs_glibc = pytest.mark.skipif(not can_keep(), reason="needs glibc")


class Host:
    """A machine in fake time, on which an iteration takes ``cost(threads, kept)`` seconds."""

    def __init__(self) -> None:
        self.cores, self.load, self.glibc = 2, 0.0, True
        self.threads, self.kept = 7, False
        self.now, self.limit = 100.0, 3.0
        self.cost: Callable[[int, bool], float] = lambda threads, kept: 0.04
        self.warm_up = 0.0
        self.calls: list[tuple[int, bool]] = []

    def work(self) -> None:
        """An iteration; the first one after a change takes ``warm_up`` longer."""
        setting = (self.threads, self.kept)
        changed = not self.calls or self.calls[-1] != setting
        self.calls.append(setting)
        self.now += self.cost(*setting) + (self.warm_up if changed else 0.0)

    def tune(self, threads: int | None = None, allocator: str = "auto", **others) -> Tuning:
        """What is chosen; what was called before is forgotten."""
        self.calls.clear()
        others = {"key": "model", "cache": None, **others}
        clock = lambda: self.now  # noqa: E731
        return tune(self.work, threads=threads, allocator=allocator, limit=self.limit, clock=clock, **others)

    def seconds_of(self, **asked) -> float:
        """How long a trial takes."""
        start = self.now
        self.tune(**asked)
        return self.now - start


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


class TestTheChoice:
    @pytest.mark.parametrize(
        ("two", "keep", "chosen"),
        [
            (0.5, 0.7, (2, "keep")),
            (0.5, 1.0, (2, "system")),
            (8.0, 0.7, (1, "keep")),
            (8.0, 2.0, (1, "system")),
        ],
    )
    def test_is_the_fastest_and_is_set(self, host: Host, two: float, keep: float, chosen: tuple[int, str]) -> None:
        host.cost = lambda threads, kept: 0.04 * (two if threads == 2 else 1) * (keep if kept else 1)
        tuning = host.tune()
        assert (tuning.threads, tuning.allocator, tuning.source, tuning.why) == (*chosen, "tried", "")
        assert (host.threads, host.kept) == (chosen[0], chosen[1] == "keep")

    @pytest.mark.parametrize(("gain", "chosen"), [(0.04, (1, "system")), (0.06, (2, "keep"))])
    def test_needs_a_margin_for_what_takes_more(self, host: Host, gain: float, chosen: tuple[int, str]) -> None:
        host.cost = lambda threads, kept: 0.04 * (1 - gain) ** ((threads == 2) + kept)
        tuning = host.tune()
        assert (tuning.threads, tuning.allocator) == chosen

    @pytest.mark.parametrize(
        ("cores", "tried"), [(2, [1, 2]), (3, [1, 2, 3]), (4, [1, 2, 4]), (6, [1, 2, 4, 6]), (16, [1, 2, 4, 8, 16])]
    )
    def test_tries_powers_of_two_and_all_cores(self, host: Host, cores: int, tried: list[int]) -> None:
        host.cores = cores
        host.tune(allocator="system")
        assert sorted({threads for threads, _ in host.calls}) == tried

    def test_follows_the_best_of_many(self, host: Host) -> None:
        host.cores, host.cost = 16, lambda threads, kept: 0.02 * (1 + abs(threads - 4))
        assert host.tune().threads == 4

    def test_holds_the_seconds_that_it_rests_on(self, host: Host) -> None:
        host.cost = lambda threads, kept: (0.03 if kept else 0.04) / threads
        assert host.tune().seconds == pytest.approx(
            {"1 thread, system": 0.04, "2 threads, system": 0.02, "system, 2 threads": 0.02, "keep, 2 threads": 0.015}
        )

    def test_takes_turns(self, host: Host) -> None:
        host.tune(allocator="system")
        order = [each for each, before in zip(host.calls, [None, *host.calls], strict=False) if each != before]
        assert [threads for threads, _ in order] == [1, 2] * 5

    def test_does_not_count_what_warms_up(self, host: Host) -> None:
        host.warm_up = 0.05
        assert list(host.tune().seconds.values()) == pytest.approx([0.04] * 4)

    def test_is_not_swayed_by_a_passing_load(self, host: Host) -> None:
        busy = (host.now + 0.3, host.now + 0.6)
        host.cost = lambda threads, kept: (0.02 if threads == 2 else 0.03) * (2 if busy[0] < host.now < busy[1] else 1)
        tuning = host.tune()
        assert tuning.threads == 2
        assert tuning.seconds["1 thread, system"] == pytest.approx(0.03)

    def test_is_not_swayed_by_the_lucky_iterations_of_two_threads(self, host: Host) -> None:
        host.cost = lambda threads, kept: 0.04 if threads == 1 else 0.02 if len(host.calls) % 3 else 0.2
        assert host.tune().threads == 1

    def test_spends_no_time_on_what_is_far_behind(self, host: Host) -> None:
        host.cores, host.cost = 4, lambda threads, kept: {1: 0.02, 2: 0.4, 4: 0.01}[threads]
        assert host.tune().threads == 4
        assert host.calls.count((2, False)) == 2


class TestTheBudget:
    @pytest.mark.parametrize("cores", [1, 2, 4, 64])
    @pytest.mark.parametrize("iteration", [0.001, 0.01, 0.03, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 1.0, 1.5, 2.9])
    @pytest.mark.parametrize("slower", [0.5, 1.0, 1.2])
    def test_is_kept(self, host: Host, cores: int, iteration: float, slower: float) -> None:
        host.cores = cores
        host.cost = lambda threads, kept: iteration * (slower if threads > 1 else 1) * (slower if kept else 1)
        assert host.seconds_of() <= host.limit

    @pytest.mark.parametrize("iteration", [0.001, 0.03, 0.1, 0.2, 0.3, 0.6, 1.0, 2.9])
    def test_is_kept_where_threads_collapse_on_a_busy_machine(self, host: Host, iteration: float) -> None:
        host.load, host.cost = 2.0, lambda threads, kept: iteration * (10 if threads == 2 else 1)
        assert host.seconds_of() <= host.limit
        assert host.threads == 1

    @pytest.mark.parametrize("iteration", [0.02, 0.2, 0.5, 0.9])
    @pytest.mark.parametrize("slower", [3.0, 10.0, 30.0])
    def test_is_overrun_by_one_iteration_at_most(self, host: Host, iteration: float, slower: float) -> None:
        host.cost = lambda threads, kept: iteration * (slower if threads == 2 else 1)
        assert host.seconds_of() <= host.limit + iteration * slower
        assert host.threads == 1

    def test_gives_a_slow_model_one_round_without_a_warm_up(self, host: Host) -> None:
        host.cost = lambda threads, kept: 0.8 / threads
        tuning = host.tune()
        assert [threads for threads, _ in host.calls] == [1, 1, 2]
        assert tuning.threads == 2

    def test_leaves_a_slower_one_at_one_thread_and_says_so(self, host: Host, own: TuningCache) -> None:
        host.cost = lambda threads, kept: 1.5 / threads
        tuning = host.tune(cache=own)
        assert (tuning.threads, host.threads, tuning.source, tuning.seconds) == (1, 1, "asked", {})
        assert tuning.describe() == (
            "1 thread, allocator system; threads not tried: at 1.5 s an iteration there was no room in 3.0 s"
        )
        assert not own.path.exists()

    def test_says_that_no_time_was_left_for_the_allocator(self, host: Host) -> None:
        host.cost = lambda threads, kept: 0.8 / threads
        assert host.tune().describe() == (
            "2 threads (auto: 400 ms an iteration, 1 thread 800 ms), allocator system; "
            "allocator not tried: at 400 ms an iteration there was no room in 3.0 s"
        )

    def test_does_not_let_a_slow_model_collapse(self, host: Host) -> None:
        host.load, host.cost = 2.0, lambda threads, kept: 0.3 if kept else 0.4
        assert host.tune().describe() == (
            "1 thread, allocator keep (auto: 300 ms an iteration, system 400 ms); "
            "2 threads not tried: on cores that are busy, an iteration could take 4.0 s"
        )


class TestWhatWasAsked:
    @pytest.mark.parametrize("allocator", ["system", "keep"])
    def test_is_set_without_a_trial(self, host: Host, allocator: str) -> None:
        assert host.tune(3, allocator) == Tuning(threads=3, allocator=allocator, source="asked")
        assert (host.threads, host.kept, host.calls) == (3, allocator == "keep", [])

    def test_ends_what_an_earlier_call_set(self, host: Host) -> None:
        host.tune(1, "keep")
        host.tune(1, "system")
        assert not host.kept

    def test_is_not_varied(self, host: Host) -> None:
        assert "system" not in str(host.tune(None, "keep").seconds)
        assert {kept for _, kept in host.calls} == {True}
        host.tune(2, "auto")
        assert {threads for threads, _ in host.calls} == {2}

    def test_needs_no_trial_where_there_is_no_choice(self, host: Host) -> None:
        host.cores, host.glibc = 1, False
        assert host.tune() == Tuning(threads=1, allocator="system", source="asked")
        assert host.calls == []

    @pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
    @pytest.mark.parametrize("kept", [False, True])
    @pytest.mark.parametrize("call", [1, 4, 30])
    def test_is_put_back_on_an_error(self, host: Host, error: type[BaseException], kept: bool, call: int) -> None:
        def cost(threads: int, kept: bool) -> float:
            if len(host.calls) == call:
                raise error
            return 0.04

        host.kept, host.cost = kept, cost
        with pytest.raises(error):
            host.tune()
        assert (host.threads, host.kept) == (7, kept)


class TestTheDescription:
    def test_of_what_was_asked(self) -> None:
        assert Tuning(threads=2, allocator="keep", source="asked").describe() == "2 threads, allocator keep"

    def test_of_threads_that_were_tried(self, host: Host) -> None:
        host.cost = lambda threads, kept: 0.041 if threads == 1 else 0.023
        described = "2 threads (auto: 23 ms an iteration, 1 thread 41 ms), allocator system"
        assert host.tune(allocator="system").describe() == described

    def test_of_an_allocator_that_was_tried(self, host: Host) -> None:
        host.cost = lambda threads, kept: 0.0021 if kept else 0.0123
        described = "3 threads, allocator keep (auto: 2.1 ms an iteration, system 12 ms)"
        assert host.tune(threads=3).describe() == described

    def test_of_what_was_remembered(self) -> None:
        seconds = {"1 thread, system": 2.31, "2 threads, system": 1.2, "4 threads, system": 1.4}
        tuning = Tuning(threads=2, allocator="system", seconds=seconds, source="remembered")
        described = (
            "2 threads (auto, remembered: 1.2 s an iteration, 1 thread 2.3 s, 4 threads 1.4 s), allocator system"
        )
        assert tuning.describe() == described

    def test_survives_seconds_that_lack_the_choice(self) -> None:
        tuning = Tuning(threads=2, allocator="system", seconds={"1 thread, system": 1.0}, source="remembered")
        assert tuning.describe() == "2 threads, allocator system"


class TestTheMemory:
    @pytest.mark.parametrize("keep", [0.5, 2.0])
    def test_spares_the_second_trial(self, host: Host, own: TuningCache, keep: float) -> None:
        host.cost = lambda threads, kept: 0.04 / threads * (keep if kept else 1)
        first = host.tune(cache=own)
        host.threads, host.kept = 7, not host.kept
        second = host.tune(cache=own)
        assert host.calls == []
        assert (second.source, second.seconds) == ("remembered", first.seconds)
        assert (host.threads, host.kept) == (2, keep < 1)
        assert (second.threads, second.allocator) == (first.threads, first.allocator)

    def test_lasts_over_a_small_change_of_load(self, host: Host, own: TuningCache) -> None:
        host.tune(cache=own)
        host.load = 0.4
        assert host.tune(cache=own).source == "remembered"

    @pytest.mark.parametrize(
        ("change", "asked"),
        [
            ({}, {"key": "another model"}),
            ({}, {"threads": 2}),
            ({}, {"allocator": "system"}),
            ({"load": 1.0}, {}),
            ({"load": 2.0}, {}),
            ({"cores": 3}, {}),
            ({"glibc": False}, {}),
        ],
        ids=str,
    )
    def test_ends_where_the_facts_differ(
        self, host: Host, own: TuningCache, change: dict[str, object], asked: dict[str, object]
    ) -> None:
        host.tune(cache=own)
        vars(host).update(change)
        assert host.tune(cache=own, **asked).source == "tried"
        vars(host).update(vars(Host()))
        assert host.tune(cache=own).source == "remembered"

    def test_ends_with_another_torch(self, host: Host, own: TuningCache, monkeypatch: pytest.MonkeyPatch) -> None:
        host.tune(cache=own)
        monkeypatch.setattr(torch, "__version__", "99.0")
        assert host.tune(cache=own).source == "tried"

    @pytest.mark.parametrize(("later", "source"), [(MONTH - 1, "remembered"), (MONTH + 1, "tried"), (-1.0, "tried")])
    def test_ends_after_a_month(self, host: Host, tmp_path: Path, later: float, source: str) -> None:
        host.tune(cache=TuningCache(tmp_path, now=lambda: 1e9))
        assert host.tune(cache=TuningCache(tmp_path, now=lambda: 1e9 + later)).source == source

    def test_drops_what_is_too_old(self, host: Host, tmp_path: Path) -> None:
        old, new = TuningCache(tmp_path, now=lambda: 1e9), TuningCache(tmp_path, now=lambda: 1e9 + MONTH + 1)
        host.tune(cache=old)
        host.tune(cache=new, key="another model")
        assert len(new._read()) == len(old._read()) + 1 == 1

    def test_lies_in_the_users_cache_folder(self) -> None:
        assert TuningCache().path == cache.platformdirs.user_cache_path("ganzoo") / "tuning.json"

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\0" * 300,
            b"[]",
            b'{"format": 2, "entries": {}}',
            b'{"format": 1, "entries": {"a": {"threads": 0, "allocator": "system", "seconds": {}, "at": 0}}}',
            None,
        ],
        ids=["empty", "zeros", "list", "format", "threads", "half"],
    )
    def test_is_made_anew_where_it_is_damaged(
        self, host: Host, own: TuningCache, content: bytes | None, caplog: pytest.LogCaptureFixture
    ) -> None:
        host.tune(cache=own)
        whole = own.path.read_bytes()
        own.path.write_bytes(whole[: len(whole) // 2] if content is None else content)
        assert host.tune(cache=own).source == "tried"
        assert {record.levelname for record in caplog.records} == {"WARNING"}
        assert f"{own.path} cannot be used" in caplog.text
        caplog.clear()
        assert host.tune(cache=own).source == "remembered"
        assert not caplog.records

    @pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), NotImplementedError("no flock")])
    def test_costs_a_trial_where_no_lock_can_be_had(
        self,
        host: Host,
        own: TuningCache,
        error: Exception,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def acquire(self: FileLock) -> None:
            raise error

        monkeypatch.setattr(FileLock, "acquire", acquire)
        assert [host.tune(cache=own).source for _ in range(2)] == ["tried", "tried"]
        assert caplog.text.count("is not remembered") == 2

    def test_costs_a_trial_where_a_file_is_in_the_way(
        self, host: Host, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "file").touch()
        assert host.tune(cache=TuningCache(tmp_path / "file")).source == "tried"
        assert "is not remembered" in caplog.text

    def test_does_not_wait_for_ever(
        self, host: Host, own: TuningCache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(cache, "_PATIENCE", 0.01)
        with FileLock(own.path.with_suffix(".lock")):
            assert host.tune(cache=own).source == "tried"
        assert "is not remembered" in caplog.text

    def test_holds_what_four_processes_write_at_once(self, own: TuningCache) -> None:
        def write(process: int) -> None:
            gate.wait()
            for index in range(10):
                seconds = {"1 thread, system": float(index)}
                own.remember({"process": process, "index": index}, threads=1, allocator="system", seconds=seconds)
                assert own.recall({"process": process, "index": index})

        gate = fork.Barrier(4)
        processes = [fork.Process(target=write, args=(process,)) for process in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0] * 4
        assert len(own._read()) == 40


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
