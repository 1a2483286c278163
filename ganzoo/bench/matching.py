r"""Which cells two results share, and how many times as fast a cell is on the one side as on the other.

A cell is a contender by variant, kind, batch size, precision, the engine that was asked for, and type of device. Where
the plain loop ran beside a cell on both sides, the figure is the ratio of ratios

.. math:: r = \frac{\operatorname{median}_b (v^B_b / u^B_b)}{\operatorname{median}_b (v^A_b / u^A_b)}

of the cell's speed v and the loop's u, paired within each side: a machine that was slower on one of the two days
cancels. Elsewhere it is the ratio of the median speeds, in which it does not. Each side is resampled on its own.
Free of torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple

from ganzoo.errors import ConfigError

from . import fairness, summary
from .fairness import Remark
from .result import Contender, Contest, Result
from .statistics import LEVEL, Interval, pairs, ratio_apart, speeds


class Key(NamedTuple):
    """What cells are matched by."""

    variant: str
    kind: str
    batch_size: int
    precision: str
    engine: str
    device: str

    def __str__(self) -> str:
        how = "plain loop" if self.kind == "plain" else f"{self.precision} {self.engine}"
        return f"{self.variant} {how}, batch {self.batch_size}, {self.device}"


@dataclass(frozen=True)
class Cell:
    """A contender, and the plain loop of its variant that ran in its contest; None where none ran, or it is that."""

    own: Contender
    plain: Contender | None

    def rates(self) -> list[float]:
        """Images a second, one a block."""
        return rates(self.own)

    def ratios(self) -> list[float] | None:
        """Times as fast as the plain loop, one a block."""
        if self.plain is None or len(self.plain.blocks) != len(self.own.blocks):
            return None
        return pairs(self.rates(), rates(self.plain))


@dataclass(frozen=True)
class Match:
    """A cell that both sides have.

    Attributes:
        key: which.
        a: on the one side.
        b: on the other.
        ratio: how many times as fast B is.
        beside: whether that is the ratio of ratios to the plain loop.
    """

    key: Key
    a: Cell
    b: Cell
    ratio: Interval
    beside: bool

    @property
    def verdict(self) -> str:
        """faster, slower or no difference shown."""
        if 1.0 in self.ratio:
            return "no difference shown"
        return "faster" if self.ratio.low > 1 else "slower"

    @property
    def label(self) -> str:
        """The key, with the distributions where the names do not tell them."""
        names = {summary.label(self.key.variant, side.own.origin): None for side in (self.a, self.b)}
        return str(self.key).replace(self.key.variant, " / ".join(names), 1)

    def remarks(self) -> Iterator[Remark]:
        """What differs between the two, and between the loops beside them."""
        yield from fairness.of_contenders(self.a.own, self.b.own, self.label)
        if self.beside and self.a.plain and self.b.plain:
            yield from fairness.of_contenders(self.a.plain, self.b.plain, f"{self.label}, the plain loop beside it")
        elif self.key.kind != "plain":
            yield Remark(
                "noise", "no plain loop ran beside it on both sides, so the machine's state counts", self.label
            )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return {
            "cell": {**self.key._asdict(), "label": self.label},
            "images_per_second": _both(self, lambda each: each.images_per_second.model_dump()),
            "b_over_a": {**self.ratio.as_dict(), "of": "ratios to the plain loop" if self.beside else "speeds"},
            "verdict": self.verdict,
            "tier": _both(self, lambda each: each.tier),
            "memory": _both(self, lambda each: each.memory.model_dump()),
            "cold_start_seconds": _both(self, lambda each: each.cold_start.total),
            "origin": _both(self, lambda each: each.origin.model_dump()),
        }


def cells_of(result: Result, side: str) -> dict[Key, Cell]:
    """The cells of a result; of two with the same key, the first.

    Raises:
        ConfigError: a contender without blocks, or a block that took no time.
    """
    found: dict[Key, Cell] = {}
    for contest in result.contests:
        for own in contest.contenders:
            if not own.blocks or not all(block.seconds > 0 and isfinite(block.seconds) for block in own.blocks):
                raise ConfigError(
                    f"{own.name} in {side} has no blocks, or one that took no time", fix="measure it again"
                )
            device = contest.device.partition(":")[0]
            key = Key(own.variant, own.kind, own.batch_size, own.precision, own.engine, device)
            found.setdefault(key, Cell(own, _plain(own, contest)))
    return found


def match(key: Key, a: Cell, b: Cell, *, level: float = LEVEL) -> Match:
    """How many times as fast ``b`` is as ``a``, by their ratios to the plain loop where both have them."""
    ours, theirs = a.ratios(), b.ratios()
    if ours is None or theirs is None:
        return Match(key, a, b, ratio_apart(b.rates(), a.rates(), level=level), beside=False)
    return Match(key, a, b, ratio_apart(theirs, ours, level=level), beside=True)


def rates(contender: Contender) -> list[float]:
    """Images a second, one a block."""
    images = contender.images_per_iteration * contender.iterations_per_block
    return speeds([block.seconds for block in contender.blocks], images)


def lone(own: Iterable[Key], other: Iterable[Key]) -> list[str]:
    """The keys that only ``own`` has, each with what one of ``other`` has instead where that is near."""
    known = list(other)
    return [f"{key}{_near(key, known)}" for key in own if key not in known]


def nothing_in_common(sides: dict[str, tuple[Result, dict[Key, Cell]]]) -> ConfigError:
    """The error that names what each side has."""
    told = []
    for side, (result, found) in sides.items():
        names = [*map(str, found), *(f"{name}, trained" for name in result.by_variant())]
        told.append(f"\n  {side} has: {'; '.join(names) or 'nothing'}")
    return ConfigError(
        f"the two results have nothing in common{''.join(told)}",
        fix="compare results of the same suite; variant, batch size, precision, engine and type of device must agree",
    )


def _plain(own: Contender, contest: Contest) -> Contender | None:
    """The first plain loop of the variant and batch size in the contest."""
    if own.kind == "plain":
        return None
    rivals = (each for each in contest.contenders if each.kind == "plain")
    return next((each for each in rivals if (each.variant, each.batch_size) == (own.variant, own.batch_size)), None)


def _near(key: Key, known: list[Key]) -> str:
    for other in known:
        apart = [name for name in Key._fields if getattr(key, name) != getattr(other, name)]
        if len(apart) == 1 and apart[0] not in ("variant", "kind"):
            return f" (the other side has {apart[0].replace('_', ' ')} {getattr(other, apart[0])})"
    return ""


def _both(found: Match, value: Callable[[Contender], Any]) -> dict[str, Any]:
    return {"a": value(found.a.own), "b": value(found.b.own)}
