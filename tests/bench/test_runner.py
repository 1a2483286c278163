"""A whole benchmark: parts that are kept, tried again, shared among devices, and written as they are done."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from toys import results as made_up

from ganzoo.bench import machine
from ganzoo.bench import runner as room
from ganzoo.bench.job import Job
from ganzoo.bench.process import ContenderError
from ganzoo.bench.result import Contest, Failure, Training, read_result, write_result
from ganzoo.bench.runner import RESULTS, Bench, Part, groups, share
from ganzoo.bench.suite import Suite
from ganzoo.config import validate
from ganzoo.errors import ConfigError

RAW: dict[str, Any] = {
    "name": "small",
    "seeds": [0, 1],
    "throughput": {"batch_sizes": [32, 64]},
    "quality": {"images": 100},
    "common": {"data": {"dataset": "digits"}},
    "variants": {"vanilla": {}, "dcgan": {}},
}


def suite(**more: Any) -> Suite:
    return validate(Suite, {**RAW, **more})


class World:
    """What a benchmark would do for real, counted instead; ``broken`` names the parts that fail."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.broken: set[str] = set()
        self.git: dict[str, Any] = {"commit": "a" * 40, "changed": False}
        self.environment: dict[str, Any] = made_up.ENVIRONMENT

    def hold(self, jobs: list[Job], blocks: int, device: str, **more: Any) -> tuple[Contest | None, list[Failure]]:
        size = jobs[0].config["training"]["batch_size"]
        self.done.append((f"contest {size}", device))
        failed = [job for job in jobs if job.name in self.broken]
        contenders = [
            made_up.contender(job.config["variant"], kind=job.kind, batch_size=size, config=job.config)
            for job in jobs
            if job not in failed
        ]
        made = made_up.contest(*contenders, device=device, git=self.git, environment=self.environment)
        return made, [Failure(what=job.name, reason="broke") for job in failed]

    def train(self, suite: Suite, variant: str, seed: int, device: str, runs: Path, *, together: int = 1) -> Training:
        name = f"{variant}-{seed}"
        self.done.append((name, device))
        if name in self.broken:
            raise ContenderError(f"{name} broke")
        return made_up.training(variant, seed=seed, git=self.git, together=together)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(room, "hold", made.hold)
    monkeypatch.setattr(room, "train", made.train)
    monkeypatch.setattr(room.machine, "git", lambda: made.git)
    monkeypatch.setattr(room, "host", lambda: made.environment)
    return made


EVERYTHING = ["contest 32", "contest 64", "vanilla-0", "dcgan-0", "vanilla-1", "dcgan-1"]


def test_everything_is_done_once_and_written(world: World, tmp_path: Path) -> None:
    found = Bench(suite(), ["cpu"], tmp_path).run()
    assert [what for what, _ in world.done] == EVERYTHING
    assert read_result(tmp_path / RESULTS) == found
    assert [contest.batch_size for contest in found.contests] == [32, 64]
    assert [len(contest.contenders) for contest in found.contests] == [4, 4]
    assert [(each.variant, each.seed) for each in found.trainings] == [
        ("vanilla", 0),
        ("dcgan", 0),
        ("vanilla", 1),
        ("dcgan", 1),
    ]
    assert found.suite == suite().to_dict()
    assert found.environment == made_up.ENVIRONMENT


def test_what_is_there_is_left_alone(world: World, tmp_path: Path) -> None:
    first = Bench(suite(), ["cpu"], tmp_path).run()
    world.done.clear()
    assert Bench(suite(), ["cpu"], tmp_path).run().model_dump() == first.model_dump()
    assert world.done == []


@pytest.mark.parametrize("at", range(len(EVERYTHING)))
def test_an_interrupted_one_goes_on_where_it_stopped(world: World, tmp_path: Path, at: int) -> None:
    whole = Bench(suite(), ["cpu"], tmp_path / "whole").run()
    world.done.clear()
    bench = Bench(suite(), ["cpu"], tmp_path / "cut")
    do = bench._do

    def stop(part: Part, device: str) -> None:
        if len(world.done) == at:
            raise KeyboardInterrupt
        do(part, device)

    bench._do = stop  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        bench.run()
    assert len(world.done) == at
    again = Bench(suite(), ["cpu"], tmp_path / "cut").run()
    assert [what for what, _ in world.done] == EVERYTHING, "nothing twice, nothing left out"
    assert again.contests == whole.contests
    assert again.trainings == whole.trainings


def test_what_failed_is_told_and_tried_again_and_the_rest_goes_on(world: World, tmp_path: Path) -> None:
    world.broken = {"dcgan-0", "dcgan auto auto"}
    found = Bench(suite(), ["cpu"], tmp_path).run()
    assert [failure.what for failure in found.failures] == ["dcgan auto auto"] * 2 + ["dcgan, seed 0"]
    assert len(found.trainings) == 3
    assert [len(contest.contenders) for contest in found.contests] == [3, 3]
    world.broken = set()
    world.done.clear()
    mended = Bench(suite(), ["cpu"], tmp_path).run()
    assert [what for what, _ in world.done] == ["contest 32", "contest 64", "dcgan-0"]
    assert mended.failures == []
    assert len(mended.trainings) == 4


def test_a_folder_of_another_benchmark_is_refused_untouched(world: World, tmp_path: Path) -> None:
    Bench(suite(), ["cpu"], tmp_path).run()
    before = (tmp_path / RESULTS).read_bytes()
    with pytest.raises(ConfigError, match="other options"):
        Bench(suite(seeds=[0]), ["cpu"], tmp_path)
    assert (tmp_path / RESULTS).read_bytes() == before


def test_several_devices_share_the_work(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2, timeout=20)  # passed only if two parts are under way at the same time
    train = world.train

    def together(*words: Any, **more: Any) -> Training:
        both.wait()
        return train(*words, **more)

    monkeypatch.setattr(room, "train", together)
    found = Bench(suite(throughput=None), ["cuda:0", "cuda:1"], tmp_path).run()
    assert {device for _, device in world.done} == {"cuda:0", "cuda:1"}
    assert sorted(what for what, _ in world.done) == sorted(EVERYTHING[2:])
    assert {each.together for each in found.trainings} == {2}
    assert [(each.variant, each.seed) for each in found.trainings] == [
        (variant, seed) for seed in (0, 1) for variant in ("vanilla", "dcgan")
    ]


def test_a_contest_of_another_device_is_kept(world: World, tmp_path: Path) -> None:
    Bench(suite(quality=None), ["cuda:0"], tmp_path).run()
    world.done.clear()
    Bench(suite(quality=None), ["cuda:1"], tmp_path).run()
    assert world.done == []


CHANGED: dict[str, Any] = {"commit": "a" * 40, "changed": True, "changes_sha256": "1" * 64}


@pytest.mark.parametrize("now", [{"commit": "b" * 40, "changed": False}, CHANGED])
def test_contests_of_other_code_are_held_again_and_trainings_say_what_they_are_of(
    world: World, tmp_path: Path, now: dict[str, Any]
) -> None:
    first = Bench(suite(), ["cpu"], tmp_path).run()
    world.git, said = now, list[str]()
    world.done.clear()
    found = Bench(suite(), ["cpu"], tmp_path, say=said.append).run()
    assert [what for what, _ in world.done] == EVERYTHING[:2]
    assert {str(contest.git) for contest in found.contests} == {str(now)}
    assert found.trainings == first.trainings
    assert "contest at batch 32 is held again: it ran with other code" in said
    world.done.clear()
    Bench(suite(), ["cpu"], tmp_path).run()
    assert world.done == [], "the same changes are the same code"


@pytest.mark.parametrize("fact", ["cpu", "cores", "python", "packages"])
def test_contests_of_another_machine_or_software_are_held_again(world: World, tmp_path: Path, fact: str) -> None:
    Bench(suite(quality=None), ["cpu"], tmp_path).run()
    world.environment = {**made_up.ENVIRONMENT, fact: "another"}
    world.done.clear()
    found = Bench(suite(quality=None), ["cpu"], tmp_path).run()
    assert [what for what, _ in world.done] == EVERYTHING[:2]
    assert found.environment == world.environment


def test_all_contests_are_held_anew_where_that_is_asked_for(world: World, tmp_path: Path) -> None:
    Bench(suite(quality=None), ["cpu"], tmp_path).run()
    world.done.clear()
    Bench(suite(quality=None), ["cpu"], tmp_path, anew=True).run()
    assert [what for what, _ in world.done] == EVERYTHING[:2]


def test_a_folder_of_another_kind_of_device_is_refused_untouched(world: World, tmp_path: Path) -> None:
    Bench(suite(quality=None), ["cpu"], tmp_path).run()
    before = (tmp_path / RESULTS).read_bytes()
    with pytest.raises(ConfigError, match="is of a benchmark on cpu"):
        Bench(suite(quality=None), ["cuda:0"], tmp_path)
    assert (tmp_path / RESULTS).read_bytes() == before


def test_contests_are_kept_though_memory_would_group_them_otherwise(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bench, "_room", lambda self: 2)
    Bench(suite(quality=None), ["cpu"], tmp_path).run()
    assert len(world.done) == 4
    monkeypatch.setattr(Bench, "_room", lambda self: 8)
    world.done.clear()
    assert len(Bench(suite(quality=None), ["cpu"], tmp_path).run().contests) == 4
    assert world.done == []


def test_a_bug_in_one_part_is_a_failure_and_the_others_go_on(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = world.train

    def buggy(suite: Suite, variant: str, *words: Any, **more: Any) -> Training:
        if variant == "dcgan":
            raise IndexError("list index out of range")
        return train(suite, variant, *words, **more)

    monkeypatch.setattr(room, "train", buggy)
    found = Bench(suite(throughput=None), ["cpu"], tmp_path).run()
    assert [each.variant for each in found.trainings] == ["vanilla", "vanilla"]
    assert [failure.reason for failure in found.failures] == ["IndexError: list index out of range"] * 2


def test_trainings_of_earlier_are_in_the_file_while_contests_are_tried_again(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Bench(suite(), ["cpu"], tmp_path).run()
    world.git = CHANGED
    monkeypatch.setattr(room, "train", None)
    bench = Bench(suite(), ["cpu"], tmp_path)
    do = bench._do

    def once(part: Part, device: str) -> None:
        if len(read_result(tmp_path / RESULTS).contests) == 1:
            raise KeyboardInterrupt
        do(part, device)

    bench._do = once  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        bench.run()
    assert len(read_result(tmp_path / RESULTS).trainings) == 4


def test_an_unforeseen_error_ends_all_of_it() -> None:
    done: list[str] = []

    def do(part: Part, device: str) -> None:
        done.append(str(part))
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        share([Part(training=("a", 0)), Part(training=("b", 0))], ["cpu"], do)
    assert done == ["a, seed 0"]


def test_groups_keep_a_variant_with_its_loop() -> None:
    from ganzoo.bench.job import jobs

    asked = suite(variants={name: {} for name in ("vanilla", "dcgan", "lsgan")})
    contenders = jobs(asked, 32, "cpu")
    assert [len(group) for group in groups(contenders, 4)] == [4, 2]
    assert [len(group) for group in groups(contenders, 2)] == [2, 2, 2]
    assert [len(group) for group in groups(contenders, 1)] == [2, 2, 2]
    assert groups(contenders, 100) == [contenders]


def test_parts_that_do_not_tell_their_commit_keep_that_of_their_file(world: World, tmp_path: Path) -> None:
    first = Bench(suite(throughput=None), ["cpu"], tmp_path).run()
    silent = [each.model_copy(update={"git": None}) for each in first.trainings]
    write_result(tmp_path / RESULTS, first.model_copy(update={"trainings": silent}))
    world.git = CHANGED
    assert Bench(suite(throughput=None), ["cpu"], tmp_path).run().git == first.git


@pytest.mark.parametrize(
    ("memory", "gpu", "room"),
    [(15_000_000_000, None, 10), (15_000_000_000, 30_000_000_000, 5), (1, 1, 2), (None, None, 8)],
)
def test_as_many_run_at_once_as_memory_and_gpu_hold(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: int | None, gpu: int | None, room: int
) -> None:
    monkeypatch.setattr(machine, "available_bytes", lambda: memory)
    monkeypatch.setattr(machine, "free_gpu_bytes", lambda device: gpu)
    assert Bench(suite(), ["cuda:0"], tmp_path)._room() == room


def test_a_result_on_disk_is_plain_json(world: World, tmp_path: Path) -> None:
    Bench(suite(), ["cpu"], tmp_path).run()
    raw = json.loads((tmp_path / RESULTS).read_text(encoding="utf-8"))
    assert (raw["format"], raw["version"]) == ("ganzoo-bench", 1)
