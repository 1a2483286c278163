"""A contest of contenders whose times are known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ganzoo.bench import contest as room
from ganzoo.bench.job import Job
from ganzoo.bench.process import ContenderError
from ganzoo.bench.result import Block, Contest, Failure, Gauges
from ganzoo.config import make_config
from ganzoo.errors import GanzooError

QUIET = Gauges(load=[0.0, 0.0, 0.0])


def job(variant: str = "vanilla", kind: str = "ganzoo", engine: str = "eager") -> Job:
    training = {"batch_size": 50, "engine": engine, "precision": "fp32", "device": "cpu"}
    raw = {"variant": variant, "training": training, "data": {"dataset": "digits"}}
    return Job(kind=kind, config=make_config(raw).to_dict(), seconds=1.0)  # type: ignore[arg-type]


class Fake:
    """A contender that takes ``seconds`` for each block, one after the other, and can fail where it is told to."""

    order: list[str]

    def __init__(self, job: Job, seconds: Iterator[float], *, fails: str = "", **block: Any) -> None:
        self.name, self.seconds, self.fails, self.more = job.name, seconds, fails, block
        self.job, self.closed = job, False

    def _maybe(self, what: str) -> None:
        if self.fails == what:
            raise ContenderError(f"broke in {what}")

    def start(self) -> dict[str, Any]:
        self._maybe("start")
        return {
            "cold_start": {"imports": 1.0, "data": 0.5, "build": 0.25, "prepare": 0.0, "first": 0.1},
            "images_per_iteration": 50,
            "tier": "plain" if self.job.kind == "plain" else "eager",
            "precision": "fp32",
            "settings": {"threads": 1},
        }

    def warm_up(self) -> dict[str, Any]:
        self._maybe("warm_up")
        return {
            "warm_up": {"iterations": 9, "seconds": 1.0, "settled": self.fails != "settled"},
            "iterations_per_block": 4,
        }

    def block(self) -> Block:
        self._maybe("block")
        self.order.append(self.name)
        seconds = next(self.seconds)
        return Block(**({"seconds": seconds, "cpu_seconds": seconds} | self.more))

    def peaks(self) -> dict[str, float | None]:
        return {"fp32": 2e9, "bf16": None, "bandwidth": 1e9}

    def environment(self) -> dict[str, Any]:
        return {"cpu": "Example 9000"}

    def finish(self) -> dict[str, Any]:
        self._maybe("finish")
        return {
            "iteration_seconds": [0.1, 0.2, 0.3],
            "memory": {"process": 7},
            "finite": True,
            "flops_per_image": None if self.job.kind == "plain" else {"fp32": 1e6},
        }

    def __enter__(self) -> Fake:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.machine, "gauges", lambda device: QUIET)
    monkeypatch.setattr(room.machine, "cores", lambda: 2)


def hold(*fakes: tuple[Job, Any], blocks: int = 4) -> tuple[Contest | None, list[Failure], list[str]]:
    """A contest of jobs with what drives each; the order of all blocks beside its outcome."""
    Fake.order = []
    rivals = {id(each): made for each, made in fakes}
    found, failures = room.hold([each for each, _ in fakes], blocks, "cpu", rival=lambda each: rivals[id(each)])
    assert all(made.closed for _, made in fakes)
    return found, failures, Fake.order


def fake(each: Job, *seconds: float, **more: Any) -> tuple[Job, Fake]:
    return each, Fake(each, iter(seconds), **more)


def test_known_times_give_the_known_figures() -> None:
    plain, own = job(kind="plain"), job()
    found, failures, order = hold(fake(plain, 2, 4, 2, 4), fake(own, 1, 1, 1, 1))
    assert not failures
    assert found is not None
    assert order == [plain.name, own.name, own.name, plain.name] * 2, "A B B A"
    loop, ganzoo = found.contenders
    assert ganzoo.images_per_second.median == 200  # 4 iterations of 50 images in a second
    assert loop.images_per_second.median == 75  # the middle of 100 and 50
    assert ganzoo.times_as_fast_as_plain is not None
    assert (ganzoo.times_as_fast_as_plain.median, loop.times_as_fast_as_plain) == (3.0, None)
    assert (ganzoo.p50_seconds, ganzoo.p95_seconds) == pytest.approx((0.2, 0.29))
    assert ganzoo.utilisation == pytest.approx(200 * 1e6 / 2e9)
    assert loop.utilisation is None
    assert ganzoo.cpu_seconds_per_image == pytest.approx(4 / 800)
    assert ganzoo.cold_start.total == pytest.approx(1.85)
    assert found.peaks == {"fp32": 2e9, "bf16": None, "bandwidth": 1e9}
    assert (found.environment, found.git) == ({"cpu": "Example 9000"}, room.machine.git())


def test_a_gpu_that_was_throttled_in_one_block_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before and not at the end, when it has nothing to do."""
    asked: list[int] = []

    def gauges(device: str) -> Gauges:
        asked.append(len(asked))
        return Gauges(throttled=["SwPowerCap"] if len(asked) == 3 else [])

    monkeypatch.setattr(room.machine, "gauges", gauges)
    found, _, _ = hold(fake(job(), 1, 1, 1, 1))
    assert found is not None
    assert (found.before.throttled, found.after.throttled) == ([], ["SwPowerCap"])
    assert "the GPU was throttled: SwPowerCap" in found.contenders[0].noise


def test_peaks_are_measured_by_a_process_of_ganzoo() -> None:
    """The plain loop may run with other threads."""

    class Measures(Fake):
        def peaks(self) -> dict[str, float | None]:
            return {"fp32": 5e9}

    plain, own = job(kind="plain"), job()
    found, _, _ = hold(fake(plain, 1, 1, 1, 1), (own, Measures(own, iter([1, 1, 1, 1]))))
    assert found is not None
    assert found.peaks == {"fp32": 5e9}


def test_each_variant_is_compared_with_its_own_loop() -> None:
    pairs = [job("vanilla", "plain"), job("vanilla"), job("dcgan", "plain"), job("dcgan")]
    found, _, _ = hold(*(fake(each, *[seconds] * 4) for each, seconds in zip(pairs, (2, 1, 9, 3), strict=True)))
    assert found is not None
    ratios = [each.times_as_fast_as_plain for each in found.contenders]
    assert [ratio and round(ratio.median, 9) for ratio in ratios] == [None, 2.0, None, 3.0]


@pytest.mark.parametrize("where", ["start", "warm_up", "block", "finish"])
def test_one_that_fails_is_told_and_the_others_go_on(where: str) -> None:
    found, failures, _ = hold(fake(job(), 1, 1, 1, 1), fake(job("dcgan"), 1, 1, 1, 1, fails=where))
    assert found is not None
    assert [each.variant for each in found.contenders] == ["vanilla"]
    assert len(found.contenders[0].blocks) == 4
    assert [(failure.what, failure.reason) for failure in failures] == [
        ("dcgan fp32 eager, batch 50", f"broke in {where}")
    ]


def test_where_all_fail_there_is_no_contest() -> None:
    found, failures, _ = hold(fake(job(), fails="start"))
    assert found is None
    assert len(failures) == 1


def test_what_others_compute_is_all_but_the_contest(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 s by the clock, in which the cores computed 130 s: 20 of them this program's, 60 the contenders'.

    10 of the 60 were spent before blocks, on iterations that are not timed.
    """
    told = iter([1000.0, 1130.0])
    monkeypatch.setattr(room.machine, "busy_seconds", lambda: next(told))
    monkeypatch.setattr(room.time, "process_time", iter([7.0, 27.0]).__next__)
    monkeypatch.setattr(room.time, "perf_counter", iter([300.0, 400.0]).__next__)
    counter = room._Elsewhere()
    assert (
        counter.cores([Block(seconds=40, cpu_seconds=15, lead_cpu_seconds=10), Block(seconds=40, cpu_seconds=35)])
        == 0.5
    )


def test_what_one_computed_before_it_broke_is_not_that_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    class Breaks(Fake):
        def block(self) -> Block:
            if Fake.order.count(self.name) == 2:
                raise GanzooError("broke")
            return super().block()

    counted: list[Block] = []
    monkeypatch.setattr(room._Elsewhere, "cores", lambda self, blocks: counted.extend(blocks))
    breaking = job("dcgan")
    found, failures, _ = hold(fake(job(), 1, 1, 1, 1), (breaking, Breaks(breaking, iter([1, 1, 1, 1]))))
    assert found is not None
    assert len(failures) == 1
    assert len(counted) == 4 + 2


def test_what_others_compute_is_unknown_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.machine, "busy_seconds", lambda: None)
    assert room._Elsewhere().cores([]) is None


class TestNoise:
    """Why figures are to be taken with caution."""

    def noise(
        self,
        *blocks: Block,
        before: Gauges = QUIET,
        after: Gauges = QUIET,
        settled: bool = True,
        others: float | None = None,
    ) -> list[str]:
        return room.noise(blocks, settled, 1, (before, after), others, job())

    def block(self, seconds: float = 1.0, **more: Any) -> Block:
        return Block(**({"seconds": seconds, "cpu_seconds": seconds} | more))

    def test_none_where_nothing_is_wrong(self) -> None:
        assert self.noise(self.block(), self.block(1.01), self.block(0.99)) == []

    @pytest.mark.parametrize(
        ("blocks", "words"),
        [
            ((1.0, 1.5, 0.7, 1.0), "band"),
            ((1.0, 1.0), None),
        ],
    )
    def test_blocks_that_differ(self, blocks: tuple[float, ...], words: str | None) -> None:
        assert any("band" in each for each in self.noise(*map(self.block, blocks))) == (words is not None)

    def test_a_warm_up_that_did_not_settle(self) -> None:
        assert "warm-up" in self.noise(self.block(), settled=False)[0]

    def test_two_clocks_that_differ(self) -> None:
        assert "CUDA" in self.noise(self.block(device_seconds=0.9))[0]
        assert self.noise(self.block(device_seconds=0.995)) == []

    def test_a_core_that_was_taken_away(self) -> None:
        assert "off its core for 30%" in self.noise(self.block(cpu_seconds=0.7))[0]

    def test_a_busy_machine(self) -> None:
        assert "load average" in self.noise(self.block(), before=Gauges(load=[1.5, 0, 0]))[0]

    def test_the_load_of_what_ran_before_is_not_held_against_a_machine_that_was_quiet(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(room.machine, "cores", lambda: 4)
        assert self.noise(self.block(), before=Gauges(load=[4.5, 0, 0]), others=0.3) == []
        assert self.noise(self.block(), others=0.5) == ["other programs kept 0.5 of 4 cores busy"]

    def test_a_throttled_gpu(self) -> None:
        assert "SwPowerCap" in self.noise(self.block(), after=Gauges(throttled=["SwPowerCap"]))[0]


class TestUtilisation:
    """The share of the measured peaks."""

    def test_each_arithmetic_at_its_own_peak(self) -> None:
        peaks = {"fp32": 100.0, "bf16": 200.0, "tf32": 400.0}
        assert room.utilisation({"fp32": 10, "bf16": 20}, peaks, 2.0, "bf16") == pytest.approx(0.4)
        assert room.utilisation({"fp32": 10}, peaks, 2.0, "tf32") == pytest.approx(0.05)

    def test_a_peak_that_is_not_known_is_not_guessed(self) -> None:
        assert room.utilisation({"fp32": 10}, {}, 2.0, "fp32") is None
        assert room.utilisation(None, {"fp32": 1.0}, 2.0, "fp32") is None
