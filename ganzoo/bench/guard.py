"""The regression guard: whether a variant became slower since a result that was kept.

The figure of a cell is its ratio to the plain loop now over then, see :mod:`ganzoo.bench.matching`. It is called slower
where its interval of 90 % lies below 1 and its median below 1 - margin: the interval, whose upper end is a bound of
95 %, answers for the noise of the blocks, and the margin for what no block shows, as that a process has a speed of its
own. It is called no slower where the interval lies above 1 - margin, and otherwise nothing can be told. How often each
is said of a planted slowdown stands in docs/benchmarking.md; by intervals of 95 %, or ones that have to lie below
1 - margin as a whole, fewer are found. Free of torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ganzoo.errors import ConfigError

from . import fairness
from .matching import Cell, Key, Match, cells_of, lone, match, nothing_in_common
from .result import Result
from .statistics import Interval

LEVEL = 0.90
MARGIN = 0.05

Word = Literal["slower", "faster", "no slower", "cannot tell", "missing now", "new"]

_STYLES: dict[str, str] = {"slower": "bold red", "faster": "green", "cannot tell": "yellow", "missing now": "yellow"}


@dataclass(frozen=True)
class Verdict:
    """What is said of one cell.

    Attributes:
        cell: which.
        word: slower, faster, no slower, cannot tell, missing now, or new.
        ratio: to the plain loop, now over then, with an interval of 90 %; None where there is none.
        reason: why, where the ratio does not tell.
        warnings: why it is to be taken with caution.
    """

    cell: str
    word: Word
    ratio: Interval | None = None
    reason: str = ""
    warnings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return {**vars(self), "ratio": self.ratio.as_dict() if self.ratio else None}


def judge(then: Result, now: Result, *, margin: float = MARGIN) -> list[Verdict]:
    """A verdict on each cell of ganzoo's engine: those of both results first, then those of one.

    Args:
        then: what was kept.
        now: what was measured.
        margin: the slowdown that is let pass.

    Raises:
        ConfigError: no cell is in both, or the margin is not in [0, 1).
    """
    if not 0 <= margin < 1:
        raise ConfigError(f"margin {margin} of the guard is not in [0, 1)", fix=f"leave it out for {MARGIN}")
    before, after = _own(cells_of(then, "A")), _own(cells_of(now, "B"))
    common = [key for key in before if key in after]
    if not common:
        raise nothing_in_common({"A": (then, before), "B": (now, after)})
    shared = [str(remark) for remark in fairness.of_environments(then.environment, now.environment) if remark.unfair]
    verdicts = [_verdict(match(key, before[key], after[key], level=LEVEL), margin, shared) for key in common]
    gone = [Verdict(name, "missing now", reason=_failures(now)) for name in lone(before, after)]
    return verdicts + gone + [Verdict(name, "new") for name in lone(after, before)]


def word_of(found: Interval, margin: float = MARGIN) -> Word:
    """What a ratio now over then is called.

    >>> word_of(Interval(0.91, 0.88, 0.94))
    'slower'
    >>> word_of(Interval(0.91, 0.80, 1.02))
    'cannot tell'
    """
    if found.high < 1 and found.median < 1 - margin:
        return "slower"
    if found.low > 1 and found.median > 1 + margin:
        return "faster"
    return "no slower" if found.low >= 1 - margin else "cannot tell"


def show(console: Console, verdicts: list[Verdict]) -> None:
    """Print verdicts, and below them what is to be said against them; a warning of all cells once."""
    table = Table("cell", "verdict", "now / then", "90 %", "why", box=None, header_style="bold")
    for each in verdicts:
        figures = ["-", "-"]
        if each.ratio:
            figures = [f"{each.ratio.median:.3f}", f"{each.ratio.low:.3f} to {each.ratio.high:.3f}"]
        table.add_row(Text(each.cell), Text(each.word, _STYLES.get(each.word, "")), *figures, Text(each.reason))
    console.print(table)
    if any(each.warnings for each in verdicts):
        console.print("A is the result that was kept, B the new one", style="dim")
    for warning in dict.fromkeys(warning for each in verdicts for warning in each.warnings):
        console.print(Text.assemble(("warning: ", "bold yellow"), warning), soft_wrap=True)


def _own(found: dict[Key, Cell]) -> dict[Key, Cell]:
    """Without the plain loops, which are what the others are held against."""
    return {key: cell for key, cell in found.items() if key.kind == "ganzoo"}


def _verdict(found: Match, margin: float, shared: list[str]) -> Verdict:
    warnings = shared + [str(remark) for remark in found.remarks() if remark.unfair]
    if not found.beside:
        reason = "no plain loop ran beside it then and now, so the machine's state does not cancel"
        return Verdict(found.label, "cannot tell", reason=reason, warnings=warnings)
    word = word_of(found.ratio, margin)
    reason = "the interval is wide; more blocks narrow it" if word == "cannot tell" else ""
    return Verdict(found.label, word, found.ratio, reason, warnings)


def _failures(now: Result) -> str:
    return "; ".join(f"{failure.what}: {failure.reason}" for failure in now.failures)
