"""The regression guard: what it says of made-up results, and how often it is right on a machine with known times."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from toys.clock import CALM, ROUGH, UNEVEN, Machine
from toys.results import ENVIRONMENT, contender, contest, result

from ganzoo.bench import statistics
from ganzoo.bench.guard import Verdict, judge, show, word_of
from ganzoo.bench.result import Failure, Result
from ganzoo.bench.statistics import Interval, pairs, ratio_apart, speeds
from ganzoo.errors import ConfigError

STEADY = (1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0, 1.01, 0.99, 1.0)


def raced(slowdown: float = 1.0, *, machine: float = 1.0, plain: bool = True, **more: Any) -> Result:
    """ganzoo at half of the plain loop's time, times ``slowdown``, all of it times ``machine``."""
    own = tuple(0.5 * slowdown * machine * each for each in STEADY)
    loop = tuple(machine * each for each in reversed(STEADY))
    beside = [contender(kind="plain", seconds=loop)] if plain else []
    return result(contests=[contest(*beside, contender(seconds=own, plain=loop if plain else None))], **more)


def words(verdicts: list[Verdict]) -> list[str]:
    return [each.word for each in verdicts]


class TestVerdicts:
    @pytest.mark.parametrize(("slowdown", "word"), [(1.0, "no slower"), (1.1, "slower"), (0.9, "faster")])
    def test_a_slower_machine_cancels(self, slowdown: float, word: str) -> None:
        found = judge(raced(), raced(slowdown, machine=1.5))
        assert words(found) == [word]
        assert found[0].ratio is not None
        assert found[0].ratio.median == pytest.approx(1 / slowdown, rel=0.02)
        assert found[0].warnings == []

    def test_the_margin_lets_pass(self) -> None:
        assert words(judge(raced(), raced(1.1), margin=0.2)) == ["no slower"]
        with pytest.raises(ConfigError, match=r"margin 1\.5 .* not in \[0, 1\)"):
            judge(raced(), raced(), margin=1.5)

    @pytest.mark.parametrize(
        ("interval", "word"),
        [
            ((0.90, 0.85, 0.99), "slower"),
            ((0.90, 0.80, 1.01), "cannot tell"),
            ((0.96, 0.94, 0.98), "cannot tell"),
            ((0.97, 0.96, 0.98), "no slower"),
            ((1.02, 1.01, 1.03), "no slower"),
            ((1.10, 0.90, 1.30), "cannot tell"),
            ((1.10, 1.05, 1.15), "faster"),
        ],
    )
    def test_every_word(self, interval: tuple[float, float, float], word: str) -> None:
        assert word_of(Interval(*interval)) == word

    def test_without_the_plain_loop_nothing_is_told(self) -> None:
        found = judge(raced(plain=False), raced(2.0))
        assert words(found) == ["cannot tell"]
        assert "no plain loop" in found[0].reason

    def test_cells_of_one_side_are_told(self) -> None:
        then, now = raced(), raced(failures=[Failure(what="dcgan bf16 graph", reason="no GPU")])
        extra = [contest(contender(kind="plain", batch_size=256), contender(batch_size=256))]
        gone = judge(result(contests=[*then.contests, *extra]), now)
        assert words(gone) == ["no slower", "missing now"]
        assert "batch 256" in gone[1].cell
        assert gone[1].reason == "dcgan bf16 graph: no GPU"
        assert words(judge(now, result(contests=[*then.contests, *extra]))) == ["no slower", "new"]

    def test_nothing_in_common_is_an_error(self) -> None:
        other = result(contests=[contest(contender("vanilla"))])
        with pytest.raises(ConfigError, match="nothing in common") as caught:
            judge(raced(), other)
        assert "A has: dcgan fp32 eager" in str(caught.value)
        assert "B has: vanilla fp32 eager" in str(caught.value)

    def test_another_machine_is_a_warning(self) -> None:
        elsewhere = raced(environment={**ENVIRONMENT, "cpu": "Example 7"})
        found = judge(raced(), elsewhere)
        assert found[0].warnings == ["CPU: Example 9000 in A, Example 7 in B"]

    def test_they_are_shown(self) -> None:
        text = io.StringIO()
        elsewhere = raced(1.2, environment={**ENVIRONMENT, "cpu": "[/bold] 7"})
        show(Console(file=text, width=200), judge(raced(), elsewhere))
        assert "slower" in text.getvalue()
        assert "warning: CPU: Example 9000 in A, [/bold] 7 in B" in text.getvalue()

    def test_as_plain_values(self) -> None:
        (found,) = judge(raced(), raced())
        assert found.as_dict()["ratio"]["median"] == 1.0
        assert Verdict("x", "new").as_dict()["ratio"] is None


def said(machine: Machine, slowdown: float, *, contests: int = 500) -> Counter[str]:
    """How often each word is said, in percent, with ten blocks a side."""
    rng = np.random.default_rng(11)
    found: Counter[str] = Counter()
    for _ in range(contests):
        then, now = (machine.contest([seconds, 2.0], 10, rng) for seconds in (1.0, slowdown))
        before, after = (pairs(speeds(own, 1), speeds(plain, 1)) for own, plain in (then, now))
        found[word_of(ratio_apart(after, before, level=0.90))] += 1
    return Counter({word: round(100 * count / contests) for word, count in found.items()})


class TestErrorRates:
    """Thresholds leave three standard errors of 500 contests to the rates of docs/benchmarking.md."""

    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(statistics, "RESAMPLES", 1000)

    @pytest.mark.parametrize(
        ("machine", "alarms"), [(CALM, 2), (ROUGH, 6), (UNEVEN, 5)], ids=["2 %", "5 %", "2 %, processes 1 %"]
    )
    def test_no_slowdown_is_rarely_called_one(self, machine: Machine, alarms: int) -> None:
        assert said(machine, 1.0)["slower"] <= alarms

    @pytest.mark.parametrize(
        ("machine", "least"), [(CALM, 94), (ROUGH, 58), (UNEVEN, 88)], ids=["2 %", "5 %", "2 %, processes 1 %"]
    )
    def test_one_of_10_percent_is_found(self, machine: Machine, least: int) -> None:
        found = said(machine, 1.1)
        assert found["slower"] >= least
        assert found["no slower"] + found["faster"] <= 1  # what is not found is left open, not denied
