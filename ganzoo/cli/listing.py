"""``ganzoo list``: the variants, the metrics or the feature extractors that are installed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.table import Table

from ganzoo.errors import ConfigError, UnknownNameError
from ganzoo.options import Options
from ganzoo.registry import Entry, ExtractorSpec, MetricSpec, Paper, VariantSpec, registry

from .args import parse
from .console import err, out, print_json
from .marks import JsonSwitch, Switch
from .plugins import warn_of_faults

Variants = list[Entry[VariantSpec]]
Judging = list[Entry[MetricSpec]] | list[Entry[ExtractorSpec]]


class ListOptions(Options):
    """Show the variants that are installed, or the metrics, or the feature extractors."""

    tag: str | None = None
    """Only the variants with this tag."""
    metrics: Switch = False
    """The metrics of `ganzoo eval` and their figures."""
    extractors: Switch = False
    """The feature extractors of `ganzoo eval`."""
    as_json: JsonSwitch = False
    """Write JSON, with tags and provenance in full."""


def main(argv: list[str]) -> int:
    """Run ``ganzoo list``."""
    options = parse(ListOptions, argv, prog="ganzoo list")
    if options.metrics + options.extractors + (options.tag is not None) > 1:
        raise ConfigError("--tag, --metrics and --extractors exclude each other", fix="give one of them")
    found = registry()
    warn_of_faults(found)
    if options.metrics:
        return _show_judging("metric", list(found.metrics().values()), as_json=options.as_json)
    if options.extractors:
        return _show_judging("extractor", list(found.extractors().values()), as_json=options.as_json)
    variants = _tagged(list(found.variants().values()), options.tag)
    if options.as_json:
        print_json([as_dict(entry) for entry in variants])
    elif variants:
        out.print(_table(variants))
    else:
        err.print('no variant is installed\n  fix: pip install "ganzoo[zoo]"', markup=False)
    return 0


def as_dict(entry: Entry[VariantSpec]) -> dict[str, Any]:
    """A variant as plain values."""
    spec = entry.spec
    return {
        "name": spec.name,
        "summary": spec.summary,
        "paper": _paper(spec.paper),
        "tags": list(spec.tags),
        "backbone": spec.backbone,
        "recipe_version": spec.recipe_version,
        "api_version": spec.api_version,
        "origin": entry.origin.as_dict(),
    }


def _paper(paper: Paper) -> dict[str, Any]:
    return {**vars(paper), "url": paper.url}


def _tagged(variants: Variants, tag: str | None) -> Variants:
    if tag is None:
        return variants
    chosen = [entry for entry in variants if tag in entry.spec.tags]
    if not chosen:
        raise UnknownNameError.of("tag", tag, {tag for entry in variants for tag in entry.spec.tags})
    return chosen


def _table(variants: Variants) -> Table:
    table = Table("variant", "summary", "paper", "from", box=None, header_style="bold")
    for entry in variants:
        table.add_row(entry.spec.name, entry.spec.summary, str(entry.spec.paper), str(entry.origin))
    return table


def _show_judging(kind: str, entries: Judging, *, as_json: bool) -> int:
    """What judges samples: metrics with their figures, or extractors."""
    if as_json:
        print_json([_judging_as_dict(entry.spec, entry.origin.as_dict()) for entry in entries])
        return 0
    figures = ["figures"] if kind == "metric" else []
    table = Table(kind, *figures, "summary", "paper", "from", box=None, header_style="bold")
    for entry in entries:
        spec = entry.spec
        names = [", ".join(figure.name for figure in spec.figures)] if isinstance(spec, MetricSpec) else []
        table.add_row(spec.name, *names, spec.summary, str(spec.paper or "-"), str(entry.origin))
    out.print(table)
    return 0


def _judging_as_dict(spec: MetricSpec | ExtractorSpec, origin: dict[str, Any]) -> dict[str, Any]:
    own = (
        {"figures": [asdict(figure) for figure in spec.figures], "needs_classes": spec.needs_classes}
        if isinstance(spec, MetricSpec)
        else {}
    )
    paper = _paper(spec.paper) if spec.paper else None
    return {"name": spec.name, "summary": spec.summary, **own, "paper": paper, "origin": origin}
