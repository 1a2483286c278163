"""``ganzoo plugins``: every plugin there is, with what became of it."""

from __future__ import annotations

from rich.table import Table

from ganzoo.options import Options
from ganzoo.registry import PluginRecord, Registry, registry
from ganzoo.registry.records import WORDS

from .args import parse
from .console import out, print_json, warn
from .marks import JsonSwitch

_COLOURS = {"ok": "green", "disabled": "dim"}


class PluginsOptions(Options):
    """Show every plugin that is installed: what it supplies, where it comes from, and why it cannot be used."""

    as_json: JsonSwitch = False
    """Write JSON."""


def main(argv: list[str]) -> int:
    """Run ``ganzoo plugins``."""
    options = parse(PluginsOptions, argv, prog="ganzoo plugins")
    records = registry().plugins
    if options.as_json:
        print_json([record.as_dict() for record in records])
        return 0
    out.print(_table(records))
    for record in records:
        if record.reason:
            out.print(f"{record.describe()}\n  fix: {record.fix}", markup=False, soft_wrap=True)
    return 0


def warn_of_faults(found: Registry) -> None:
    """One line on stderr for each plugin with which something is wrong."""
    for record in found.faulty():
        warn(f"{record.describe()}; {record.fix}")


def _table(records: tuple[PluginRecord, ...]) -> Table:
    table = Table("plugin", "supplies", "from", "installed as", "import", "state", box=None, header_style="bold")
    for record in records:
        supplies = ", ".join(f"{WORDS[type(spec)]} {spec.name}" for spec in record.specs)
        state = f"[{_COLOURS.get(record.state, 'red')}]{record.state}[/]"
        milliseconds = f"{record.seconds * 1000:.0f} ms"
        table.add_row(record.name, supplies, str(record.origin), record.origin.source, milliseconds, state)
    return table
