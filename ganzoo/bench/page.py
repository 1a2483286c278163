"""A result as one HTML file that needs nothing else: tables, charts, samples, the fine print, and the result itself.

The file loads nothing (a content security policy in it forbids that as well), reads on a telephone and in the dark, and
is the same each time for the same result. What comes from outside, such as the name of a variant, is escaped: jinja2
escapes text and attributes, and the embedded JSON holds no ``<``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo.durable import replace_bytes

from . import cells, charts, protocol
from .drawing import Chart
from .fid_curves import curves
from .result import Contender, Result


@dataclass(frozen=True)
class Grid:
    """The first samples of a variant's first seed: a PNG in base64."""

    title: str
    png: str


@dataclass(frozen=True)
class Small:
    """A line of the fine print: what ran, its tier, why no higher one, and the digest of its config."""

    name: str
    tier: str
    reasons: list[str]
    settings: str
    digest: str


def write_page(path: Path, result: Result) -> None:
    """Write the page of ``result`` to ``path`` at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_bytes(path, render(result).encode())


def render(result: Result) -> str:
    """The page of ``result``."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ganzoo.bench"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["signs"] = _signs
    return environment.get_template("page.html.jinja").render(_parts(result))


def _parts(result: Result) -> dict[str, Any]:
    """All that the template shows; empty where there is nothing to show."""
    return {
        "title": protocol.name(result),
        "sentences": protocol.sentences(result),
        "notes": cells.notes(result),
        "failures": result.failures,
        "throughput": _safe(charts.throughput(result)),
        "relative": _safe(charts.relative(result)),
        "curves": _safe(curves(result)),
        "memory": _safe(charts.memory(result)),
        "cold_start": _safe(charts.cold_start(result)),
        "speeds": cells.speeds(result),
        "figures": cells.figures(result),
        "times": cells.times(result),
        "grids": _samples(result),
        "environment": _facts(result.environment),
        "commit": protocol.commit(result),
        "contenders": _tiers(result),
        "trainings": _trainings(result),
        "suite": json.dumps(result.suite, indent=2, ensure_ascii=False),
        "raw": _embedded(result),
        "mark": charts.MARK,
    }


def _safe(found: list[Chart]) -> list[dict[str, Any]]:
    """Charts that jinja2 leaves as they are: matplotlib has escaped the text in them."""
    from markupsafe import Markup

    return [{"title": chart.title, "svg": Markup(chart.svg)} for chart in found]


def _samples(result: Result) -> list[Grid]:
    called = protocol.titles(result)
    first = {name: runs[0] for name, runs in result.by_variant().items()}
    return [Grid(f"{called[name]}, seed {run.seed}", run.samples_png) for name, run in first.items() if run.samples_png]


def _tiers(result: Result) -> list[Small]:
    return [_small(contender) for contender in result.contenders()]


def _small(contender: Contender) -> Small:
    asked = "" if contender.engine == contender.tier or contender.kind == "plain" else f" (asked: {contender.engine})"
    return Small(
        name=cells.full_name(contender),
        tier=f"{contender.tier}{asked}",
        reasons=protocol.reasons(contender.choice),
        settings=_flat(contender.settings),
        digest=contender.config_sha256,
    )


def _trainings(result: Result) -> list[Small]:
    called = protocol.titles(result)
    return [
        Small(
            name=f"{called[run.variant]}, seed {run.seed}",
            tier=str(run.engine.get("tier", cells.NONE)),
            reasons=protocol.reasons(run.engine),
            settings=_flat({name: value for name, value in run.engine.items() if name not in _TOLD}),
            digest="",
        )
        for run in result.trainings
    ]


_TOLD = ("tier", "reasons", "parity", "trial")


def _facts(environment: dict[str, Any]) -> dict[str, str]:
    """Names and values in one line each; packages with their versions."""
    return {
        name: _flat(value) if isinstance(value, dict) else str(value)
        for name, value in environment.items()
        if value is not None
    }


def _flat(values: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())


def _embedded(result: Result) -> Any:
    """The result as JSON for a script element: what :func:`write_result` writes, without a ``<`` that could end it."""
    from markupsafe import Markup

    plain = json.dumps(result.model_dump(mode="json", exclude_none=True), ensure_ascii=False, allow_nan=False)
    return Markup(plain.replace("<", "\\u003c"))


def _signs(cell: str) -> str:
    """Typographic signs in a cell of numbers."""
    return cell.replace("+-", "\N{PLUS-MINUS SIGN}").replace(" to ", "\N{EN DASH}")
