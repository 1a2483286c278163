"""Threads and allocator are chosen by a short trial, and told as they were chosen."""

from __future__ import annotations

import multiprocessing

import pytest
from toys.host import Host

from ganzoo.training.tuning import Tuning, TuningCache

fork = multiprocessing.get_context("fork")


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
