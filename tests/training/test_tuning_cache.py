"""What was chosen by a trial is remembered while that holds, and by several processes."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from toys.host import Host

from ganzoo.training.tuning import TuningCache, cache

MONTH = 30 * 24 * 3600.0

fork = multiprocessing.get_context("fork")


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
