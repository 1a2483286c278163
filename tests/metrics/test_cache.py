"""Features are worked out once, and never read wrong: whoever is killed, whatever is damaged, however many ask."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from ganzoo import durable
from ganzoo.metrics import cache
from ganzoo.metrics.cache import cache_folder, cached_features, cached_values, key_of
from ganzoo.metrics.features import FeatureSet

CPU = torch.device("cpu")
VALUES = {"fid": [1.5, 0.1], "kid": [2e-7]}

fork = multiprocessing.get_context("fork")


class Maker:
    """Makes features or values, and counts how often."""

    def __init__(self, made: FeatureSet | dict[str, list[float]]) -> None:
        self.made = made
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return self.made

    def ask(self, key: str = "key", make: Callable | None = None):
        """What the cache gives for ``key``."""
        make = make or self
        return cached_features(key, make, CPU) if isinstance(self.made, FeatureSet) else cached_values(key, make)

    def agrees(self, given) -> bool:
        """Whether ``given`` is what was made, bit for bit."""
        if not isinstance(self.made, FeatureSet):
            return given == self.made
        one, two = given.moments, self.made.moments
        pairs = [(given.vectors, self.made.vectors), (one.mean, two.mean), (one.scatter, two.scatter)]
        pairs.append((given.logits, self.made.logits))
        return one.count == two.count and all(torch.equal(*pair) for pair in pairs)


@pytest.fixture(params=["features", "values"])
def maker(request: pytest.FixtureRequest, feature_set: Callable[..., FeatureSet]) -> Maker:
    return Maker(feature_set(20) if request.param == "features" else VALUES)


def files() -> list[Path]:
    """What the cache holds, without the locks."""
    return sorted(path for path in cache_folder().iterdir() if path.suffix != ".lock")


def damage(change: Callable[[bytes], bytes]) -> None:
    (path,) = files()
    path.write_bytes(change(path.read_bytes()))


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]


def test_what_is_there_is_not_made_again(maker: Maker, caplog: pytest.LogCaptureFixture) -> None:
    assert maker.agrees(maker.ask())
    assert maker.agrees(maker.ask())
    assert maker.calls == 1
    assert not caplog.records


def test_an_extractor_need_not_know_classes(feature_set: Callable[..., FeatureSet]) -> None:
    maker = Maker(FeatureSet(feature_set(20).vectors))
    maker.ask()
    assert maker.ask().logits is None
    assert maker.calls == 1


def test_another_key_is_another_entry(maker: Maker) -> None:
    maker.ask("one")
    maker.ask("two")
    assert maker.calls == len(files()) == 2


def test_a_key_follows_every_fact_and_not_their_order() -> None:
    facts = {"images": "a", "extractor": "b", "limit": 3}
    assert key_of(**facts) == key_of(**dict(reversed(facts.items())))
    others = [{**facts, "images": "c"}, {**facts, "extractor": "a"}, {**facts, "limit": 4}, {**facts, "more": None}]
    assert len({key_of(**each) for each in [facts, *others]}) == 5


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"",
        lambda content: content[:7],
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: content + b"0",
        lambda content: b"0" * len(content),
        lambda content: flipped(content, 3),
        lambda content: flipped(content, len(content) - 1),
    ],
    ids=["empty", "7 bytes", "half", "less", "more", "zeros", "first bits", "last bits"],
)
def test_a_damaged_file_is_made_anew(
    maker: Maker, change: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    maker.ask()
    damage(change)
    assert maker.agrees(maker.ask())
    assert maker.calls == 2
    assert [f"{files()[0]} are damaged" in record.getMessage() for record in caplog.records] == [True]
    assert maker.agrees(maker.ask())
    assert maker.calls == 2


def test_no_changed_byte_goes_unseen(maker: Maker) -> None:
    maker.ask()
    (path,) = files()
    content = path.read_bytes()
    read = cache._read if isinstance(maker.made, FeatureSet) else cache._read_body
    assert read(path) is not None
    for at in range(0, len(content), 1 + len(content) // 120):
        path.write_bytes(flipped(content, at))
        assert read(path) is None, at


def test_one_of_eight_processes_makes(maker: Maker, tmp_path: Path) -> None:
    (tmp_path / "made").touch()

    def slowly():
        with (tmp_path / "made").open("a") as log:
            log.write("x")
        time.sleep(0.1)
        return maker.made

    def run() -> None:
        gate.wait()
        assert maker.agrees(maker.ask(make=slowly))

    gate = fork.Barrier(8)
    processes = [fork.Process(target=run) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0] * 8
    assert (tmp_path / "made").read_text() == "x"


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def write_half(path: Path, content: bytes) -> None:
    path.write_bytes(content[: len(content) // 2])
    die()


MOMENTS = {
    "making": (Maker, "__call__", die),
    "writing": (durable, "write_bytes", write_half),
    "replacing": (os, "replace", die),
    "done": (durable, "sync_folder", die),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_writer_leaves_a_whole_file_or_none(
    maker: Maker, moment: str, caplog: pytest.LogCaptureFixture
) -> None:
    def run() -> None:
        setattr(*MOMENTS[moment])  # in this process alone
        maker.ask()

    process = fork.Process(target=run)
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert maker.agrees(maker.ask())
    assert maker.agrees(maker.ask())
    assert maker.calls == (0 if moment == "done" else 1)
    assert len(files()) == 1
    assert not caplog.records


def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    cache_folder().parent.mkdir(parents=True)
    cache_folder().write_text("a file is in the way")


def no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    def acquire(self: FileLock) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(FileLock, "acquire", acquire)


def no_locks_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def acquire(self: FileLock) -> None:
        raise NotImplementedError("the file system has no flock")

    monkeypatch.setattr(FileLock, "acquire", acquire)


def no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize("hindrance", [no_folder, no_lock, no_locks_at_all, no_room])
def test_a_cache_that_takes_no_file_costs_time_and_nothing_else(
    maker: Maker,
    hindrance: Callable[[pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hindrance(monkeypatch)
    for calls in (1, 2):
        assert maker.agrees(maker.ask())
        assert maker.calls == calls
    assert [record.getMessage().startswith("features are not cached") for record in caplog.records] == [True, True]
    assert not cache_folder().is_dir() or files() == []


def test_a_folder_that_cannot_be_written_to_is_still_read(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    maker.ask()
    no_lock(monkeypatch)
    assert maker.agrees(maker.ask())
    assert maker.calls == 1


def test_what_fails_is_told_and_not_kept(maker: Maker) -> None:
    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        maker.ask(make=fail)
    assert maker.agrees(maker.ask())
    assert maker.calls == 1
