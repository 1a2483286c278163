"""A result on the terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from toys.results import contender, contest, result, training, zoo

from ganzoo.bench import cells
from ganzoo.bench.result import Failure, Result
from ganzoo.bench.table import show

OURS = contender(seconds=(1.0,) * 10, plain=(2.0,) * 10, noise=["load of 3.1 on 2 cores"])


def shown(found: Result, width: int = 200) -> str:
    out = io.StringIO()
    show(Console(file=out, width=width, highlight=False, emoji=False), found)
    return out.getvalue()


def test_a_row_is_one_line_for_other_programs() -> None:
    text = shown(result(contests=[contest(OURS)], trainings=[training()]))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "dcgan eager fp32 64 640 (640 to 640) 2.00 (2.00 to 2.00) 100 100 0.90 noisy" in lines
    assert "dcgan 10.0 10.0 10.0 1.50" in lines
    assert "dcgan 13.0 13.0 23.0 33.0 3.00 30.0 6.00" in lines


def test_noise_and_failures_are_told() -> None:
    text = shown(result(contests=[contest(OURS)], failures=[Failure(what="began", reason="no room")]))
    assert "note: dcgan fp32 eager, batch 64 is noisy: load of 3.1 on 2 cores" in text
    assert "did not run: began: no room" in text


def test_weights_that_broke_are_told() -> None:
    assert "is not finite" in shown(result(contests=[contest(contender(finite=False))]))


@pytest.mark.parametrize(("width", "dropped"), [(100, True), (130, False)])
def test_a_narrow_terminal_goes_without_some_columns(width: int, dropped: bool) -> None:
    text = shown(zoo(), width)
    assert ("p50 ms" not in text) is dropped
    assert cells.interval(zoo().contenders()[2].images_per_second) in text


def test_markup_in_names_is_no_markup() -> None:
    assert "[red]gan[/red]" in shown(result(contests=[contest(contender("[red]gan[/red]"))]))


def test_what_is_not_there_is_left_out() -> None:
    assert "speed" not in shown(result(trainings=[training()]))
    assert "quality" not in shown(result(contests=[contest(OURS)]))
    assert "Suite test" in shown(result())
