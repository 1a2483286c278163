"""``ganzoo list``: the variants that are installed."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from ganzoo.errors import UnknownNameError
from ganzoo.options import Options
from ganzoo.registry import Entry, VariantSpec, registry

from .args import parse
from .console import err, out, print_json
from .marks import JsonSwitch
from .plugins import warn_of_faults

Variants = list[Entry[VariantSpec]]


class ListOptions(Options):
    """Show the variants that are installed."""

    tag: str | None = None
    """Only the variants with this tag."""
    as_json: JsonSwitch = False
    """Write JSON, with tags and provenance in full."""


def main(argv: list[str]) -> int:
    """Run ``ganzoo list``."""
    options = parse(ListOptions, argv, prog="ganzoo list")
    found = registry()
    warn_of_faults(found)
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
        "paper": {**vars(spec.paper), "url": spec.paper.url},
        "tags": list(spec.tags),
        "backbone": spec.backbone,
        "recipe_version": spec.recipe_version,
        "api_version": spec.api_version,
        "origin": entry.origin.as_dict(),
    }


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
