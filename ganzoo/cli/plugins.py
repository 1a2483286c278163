"""``ganzoo plugins``: every plugin there is, with what became of it."""

from __future__ import annotations

from typing import Annotated

from rich.table import Table

from ganzoo.errors import ConfigError, PluginError
from ganzoo.options import Options, Positive
from ganzoo.registry import PluginRecord, Registry, registry
from ganzoo.registry.discovery import discover_strictly
from ganzoo.registry.records import WORDS
from ganzoo.registry.settings import time_limit

from .args import parse
from .console import out, print_json, warn
from .marks import JsonSwitch, Mark, Switch

_COLOURS = {"ok": "green", "disabled": "dim"}


class PluginsOptions(Options):
    """Show every plugin that is installed: what it supplies, where it comes from, and why it cannot be used."""

    check: Switch = False
    """Load each plugin afresh in a process of its own, with its builders, and end with status 4 if one is faulty."""
    timeout: Annotated[Positive | None, Mark(metavar="SECONDS")] = None
    """Seconds that a plugin may take in --check; those of GANZOO_PLUGIN_TIMEOUT, or 20, if it is not given."""
    as_json: JsonSwitch = False
    """Write JSON."""


def main(argv: list[str]) -> int:
    """Run ``ganzoo plugins``."""
    options = parse(PluginsOptions, argv, prog="ganzoo plugins")
    if options.timeout is not None and not options.check:
        raise ConfigError("--timeout is for --check", fix="give both, or leave it out")
    found = Registry(discover_strictly(options.timeout or time_limit())) if options.check else registry()
    if options.as_json:
        print_json([record.as_dict() for record in found.plugins])
    else:
        _show(found)
    return PluginError.exit_code if options.check and found.faulty() else 0


def warn_of_faults(found: Registry) -> None:
    """One line on stderr for each plugin with which something is wrong, and for each setting that names none."""
    for record in found.faulty():
        warn(f"{record.describe()}; {record.fix}")
    for remark in found.remarks():
        warn(remark)


def _show(found: Registry) -> None:
    for remark in found.remarks():
        warn(remark)
    out.print(_table(found.plugins))
    for record in found.plugins:
        if record.reason:
            out.print(f"{record.describe()}\n  fix: {record.fix}", markup=False, soft_wrap=True)
        for note in record.notes:
            out.print(f"plugin {record.name} ({record.origin}): {note}", markup=False, soft_wrap=True)


def _table(records: tuple[PluginRecord, ...]) -> Table:
    table = Table("plugin", "supplies", "from", "installed as", "import", "state", box=None, header_style="bold")
    for record in records:
        supplies = ", ".join(f"{WORDS[type(spec)]} {spec.name}" for spec in record.specs)
        state = f"[{_COLOURS.get(record.state, 'red')}]{record.state}[/]"
        milliseconds = f"{record.seconds * 1000:.0f} ms"
        table.add_row(record.name, supplies, str(record.origin), record.origin.source, milliseconds, state)
    return table
