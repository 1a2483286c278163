"""The tables that are printed at the end. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .verdict import MIB, Check, chosen, per_image, resident_bytes, steady, worker_bytes

MICRO = 1e6


def show(console: Console, cases: Sequence[Mapping[str, Any]], checks: Sequence[Check]) -> None:
    """Print what was measured and the verdict."""
    length, *sizes = cases
    console.print(_marks(length), _folders(sizes), _verdict(checks), sep="\n\n")
    for case in cases:
        if "failed" in case:
            console.print(f"not measured: {case['kind']} {case['files'] or ''}: {case['failed']}", markup=False)
    if any(case.get("noisy") for case in cases):
        console.print("The machine had other work to do: times marked * are too long.", markup=False)


def _table(*columns: str) -> Table:
    first, *others = columns
    table = Table(first, box=None, header_style="bold")
    for column in others:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _marks(case: Mapping[str, Any]) -> Table:
    table = _table("images", "us/image", "cpu us", "MiB", "peak MiB", "objects", "open files", "log kB", "kept")
    for mark in case.get("marks", ()):
        times = [per_image([case["windows"]], mark["images"], key) * MICRO for key in ("seconds", "cpu_seconds")]
        table.add_row(
            f"{mark['images']:,}{'*' if case['noisy'] else ''}",
            *(f"{each:.1f}" for each in times),
            *(f"{mark[key] / MIB:.1f}" for key in ("resident_bytes", "peak_bytes")),
            *(f"{mark[key]:,}" for key in ("objects", "open_files")),
            f"{mark['metrics_bytes'] / 1000:,.0f}",
            str(mark["checkpoints"]),
        )
    return table


def _folders(cases: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("data", "workers", "opened s", "us/image", "cpu us", "MiB", "peak MiB", "worker MiB")
    for kind, files, workers in dict.fromkeys((case["kind"], case["files"], case["workers"]) for case in cases):
        if same := chosen(cases, kind=kind, files=files, workers=workers):
            table.add_row(
                (f"{files:,} files" if files else same[0]["config"]["data"]["dataset"])
                + ("*" if any(case["noisy"] for case in same) else ""),
                str(workers) if files else "",
                f"{min(case['opened']['seconds'] for case in same):.2f}",
                *(f"{steady(same, key) * MICRO:.1f}" for key in ("seconds", "cpu_seconds")),
                f"{max(map(resident_bytes, same)) / MIB:.1f}",
                f"{max(case['ended']['peak_bytes'] for case in same) / MIB:.1f}",
                f"{max(map(worker_bytes, same)) / MIB:.1f}" if workers else "",
            )
    return table


def _verdict(checks: Sequence[Check]) -> Table:
    table = _table("", "figure", "limit", "verdict")
    for check in checks:
        figure = "not measured" if check.value is None else f"{check.value:,.2f} {check.unit}".rstrip()
        verdict = "[green]flat[/green]" if check.passed else "[red]NOT FLAT[/red]"
        table.add_row(
            escape(check.what),
            figure,
            f"{check.limit:,g} {check.unit}".rstrip(),
            "[red]open[/red]" if check.value is None else verdict,
        )
    return table
