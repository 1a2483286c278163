"""``ganzoo check VARIANT...``: hold variants to the contract, check by check."""

from __future__ import annotations

from typing import Annotated, Literal

from rich.table import Table

from ganzoo.errors import ConfigError, PluginError
from ganzoo.options import Options
from ganzoo.registry import registry
from ganzoo.testing.case import Case
from ganzoo.testing.catalogue import CHECKS, choose
from ganzoo.testing.report import Report, Result
from ganzoo.testing.runner import check_variant

from .args import parse
from .console import err, out, print_json
from .marks import JsonSwitch, Mark, Switch
from .plugins import warn_of_faults

_COLOURS = {"passed": "green", "failed": "bold red", "not applicable": "dim"}


class CheckOptions(Options):
    """Hold variants to the contract: a line for each check, and for a failure what, where, and how to mend it."""

    variants: Annotated[tuple[str, ...], Mark(positional=True, metavar="VARIANT")] = ()
    """Names of variants, see `ganzoo list`."""
    checks: str | None = None
    """Names of checks, separated by commas; all but the slow ones if not given."""
    backbone: str | None = None
    """Name of a backbone to take in place of the variants' own."""
    conditional: bool = False
    """Give the labels of the data to both networks."""
    dataset: str = "digits"
    """Name of the data set whose images are played with."""
    image_size: int | None = None
    """Side in pixels of the images, in place of the data set's."""
    channels: Literal[1, 3] | None = None
    """1 for grey, 3 for colour, in place of the data set's."""
    seed: int = 0
    """Seed of everything random."""
    listed: Annotated[bool, Mark(name="list", one_way=True)] = False
    """Show the checks and stop."""
    quiet: Switch = False
    """Show failures alone."""
    as_json: JsonSwitch = False
    """Write JSON."""


def main(argv: list[str]) -> int:
    """Run ``ganzoo check``; the status is that of a plugin that cannot be used if a check fails."""
    options = parse(CheckOptions, argv, prog="ganzoo check")
    if options.listed:
        return _list(options)
    if not options.variants:
        raise ConfigError("no variant was named", choices=sorted(registry().variants()), fix="ganzoo check VARIANT")
    warn_of_faults(registry())
    names = None if options.checks is None else [name.strip() for name in options.checks.split(",")]
    choose(names)  # so that a wrong name is told before anything slow begins
    cases = [_case(name, options) for name in options.variants]
    for case in cases:
        case.config()
    reports = [_check(case, names, options) for case in cases]
    if options.as_json:
        print_json([report.as_dict() for report in reports])
    return 0 if all(report.passed for report in reports) else PluginError.exit_code


def _case(name: str, options: CheckOptions) -> Case:
    return Case(
        name,
        backbone=options.backbone,
        conditional=options.conditional,
        dataset=options.dataset,
        image_size=options.image_size,
        channels=options.channels,
        seed=options.seed,
    )


def _check(case: Case, names: list[str] | None, options: CheckOptions) -> Report:
    import torch

    torch.set_num_threads(1)  # the networks are small, and more threads would wait for each other
    with err.status(f"checking {case} ...") as status:
        report = check_variant(case, checks=names, told=lambda result: status.update(f"{case}: {result.check} done"))
    if not options.as_json:
        _print(report, quiet=options.quiet)
    return report


def _print(report: Report, *, quiet: bool) -> None:
    shown = report.failures if quiet else report.results
    if shown:
        out.print(_table(report.case, shown))
    for result in report.failures:
        out.print(f"{result.check}: {result.finding}", markup=False, soft_wrap=True)
    counts = [f"{sum(r.status == status for r in report.results)} {status}" for status in _COLOURS]
    seconds = sum(result.seconds for result in report.results)
    out.print(f"{report.case}: {', '.join(counts)}, {seconds:.1f} s", markup=False, soft_wrap=True)


def _table(title: str, results: tuple[Result, ...]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, header_style="bold")
    table.add_column("check")
    table.add_column("result")
    table.add_column("seconds", justify="right")
    table.add_column("what is checked, or why it does not apply")
    for result in results:
        status = f"[{_COLOURS[result.status]}]{result.status}[/]"
        table.add_row(result.check, status, f"{result.seconds:.2f}", result.reason or CHECKS[result.check].summary)
    return table


def _list(options: CheckOptions) -> int:
    if options.as_json:
        print_json([{"name": check.name, "summary": check.summary, "slow": check.slow} for check in CHECKS.values()])
        return 0
    table = Table("check", "what it holds a variant to", box=None, header_style="bold")
    for check in CHECKS.values():
        table.add_row(check.name, check.summary + (" (slow: only by name)" if check.slow else ""))
    out.print(table)
    return 0
