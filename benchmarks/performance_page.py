"""Fill the tables of docs/performance.md: `python benchmarks/performance_page.py`.

What is filled stands between the lines `<!-- NAME -->` and `<!-- /NAME -->` of the page, where NAME.json lies in
benchmarks/results/; everything between them is written anew. With `--check` nothing is written, and the exit status is
1 where the page does not hold what the files say. Places of other names are left to whoever fills them.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
RESULTS = ROOT / "benchmarks" / "results"

AIMS: dict[str, float] = {"vanilla": 4, "wgan-gp": 4, "wgan-gp-mlp": 4, "dcgan": 2.5}
"""How many times as fast as the plain loop a case is meant to be; the column is left out where there is no aim."""

GPU_AIMS: dict[str, float] = {"vanilla": 25, "wgan-gp": 25, "wgan-gp-mlp": 25, "dcgan": 12}
"""The same on a GPU, at batch 64."""

BUSY_AIM = 6.0
"""The same against torch's default threads on a busy machine, for every case."""

Record = Mapping[str, Any]


def race(record: Record) -> str:
    """A table for each batch size: images a second, and times as fast as the plain loop."""
    sizes = dict.fromkeys(contest["batch_size"] for contest in record["contests"])
    parts = []
    for size in sizes:
        contests = [contest for contest in record["contests"] if contest["batch_size"] == size]
        title = f"**Batch {size}**, images/s and (times as fast as the plain loop)"
        parts += [title, _race_table(contests, _aims(record, size))]
    notes = [_unraced(contest) for contest in record["contests"]]
    gates = [_gates(contest) for contest in record["contests"]]
    return "\n\n".join(filter(None, (*parts, *notes, _list(gates), _protocol(record, _loads(record["contests"])))))


def _aims(record: Record, size: int) -> Mapping[str, float]:
    if "gpu" in record.get("environment", {}):
        return GPU_AIMS if size == 64 else {}
    return dict.fromkeys(AIMS, BUSY_AIM) if record["asked"].get("busy") else AIMS


def ablation(record: Record) -> str:
    """A row a part, a column a case: times as fast with it as without; and the reasons for what is not there."""
    cases = record["cases"]
    named = {each["name"]: each["instead"] for case in cases for each in (*case["pairs"], *case["skipped"])}
    rows = [["with", "instead of", *(case["case"] for case in cases)]]
    for name, instead in named.items():
        rows.append([name, instead, *(_part(case, name) for case in cases)])
    skipped = [
        f"{case['case']}, {each['name']}: {each.get('reason') or each['failed']}"
        for case in cases
        for each in (*case["skipped"], *case["pairs"])
        if "reason" in each or "failed" in each
    ]
    full, size = record["full"], record["asked"]["batch_size"]
    recipe = (
        f"The full recipe is {full['engine']}, {full['precision']}, allocator {full['allocator']}, at batch {size}."
    )
    missing = f"Not measured (-):\n\n{_list(skipped)}" if skipped else ""
    return "\n\n".join(filter(None, (table(rows), missing, recipe, _protocol(record, _loads(cases)))))


def limits(record: Record) -> str:
    """A row a case: what an iteration computes and moves, what that takes at least, and what it took."""
    full = "tf32" if "gpu" in record.get("environment", {}) and record["precision"] != "fp32" else "fp32"
    titles = ["case", "GFLOP bf16", f"GFLOP {full}", "MB", "operators", f"peak GFLOP/s bf16, {full}", "GB/s"]
    launched = any(case.get("kernels") for case in record["cases"])
    titles += ["limit ms (arithmetic + memory)", *(["kernels, ms"] if launched else []), "measured ms", "share reached"]
    measured = [case for case in record["cases"] if "failed" not in case]
    failed = [f"{case['case']}: {case['failed']}" for case in record["cases"] if "failed" in case]
    rows = [titles, *(_limit_row(case, launched=launched) for case in measured)]
    text = "" if not failed else f"Not measured:\n\n{_list(failed)}"
    asked = record["asked"]
    engine = f"One iteration in the {asked.get('engine', 'eager')} engine, batch {asked['batch_size']}"
    size = f"{engine}, {record['precision']}."
    return "\n\n".join(filter(None, (table(rows), text, size, _protocol(record, _loads(record["cases"])))))


def scale(record: Record) -> str:
    """The marks of the long training, and the verdict on all trainings; what a record lacks is left out."""
    marks = [mark for case in record.get("cases", ()) for mark in case.get("marks", ()) if case.get("kind") == "length"]
    columns: dict[str, tuple[str, Callable[[Any], str]]] = {
        "images": ("images", "{:,}".format),
        "resident_bytes": ("memory MiB", _mib),
        "peak_bytes": ("peak MiB", _mib),
        "objects": ("Python objects", "{:,}".format),
        "open_files": ("open files", "{:,}".format),
    }
    shown = {key: value for key, value in columns.items() if marks and all(key in mark for mark in marks)}
    rows = [[title for title, _ in shown.values()]]
    rows += [[form(mark[key]) for key, (_, form) in shown.items()] for mark in marks]
    failed = [
        f"not measured: {case.get('kind', '')} {case.get('files') or ''}: {case['failed']}"
        for case in record.get("cases", ())
        if "failed" in case
    ]
    verdict = [["figure", "measured", "limit", "verdict"], *map(_check_row, record.get("checks", ()))]
    tables = [table(each) for each in (rows, verdict) if len(each) > 1]
    return "\n\n".join(filter(None, (*tables, _list(failed), _protocol(record, _load(record)))))


def precision(record: Record) -> str:
    """A row a variant: the figures of the suite in float32 beside those in bfloat16, mean and spread over seeds."""
    other = json.loads((RESULTS / f"{HALVES[record['suite']['name']]}.json").read_text(encoding="utf-8"))
    rows = [["variant", *(f"{name} {form}" for name in ("FID", "confident") for form in ("fp32", "bf16"))]]
    for variant in record["suite"]["variants"]:
        cells = [[_figure(each, variant, name) for name in ("fid", "confident")] for each in (record, other)]
        rows.append([variant, *(cell for pair in zip(*cells, strict=True) for cell in pair)])
    sides = [
        f"{form}: seeds {', '.join(map(str, each['suite']['seeds']))} on {_chip(each['environment'])}"
        for form, each in (("fp32", record), ("bf16", other))
    ]
    images = record["suite"]["quality"]["images"]
    return f"{table(rows)}\n\n{images:,} images, mean +- deviation; {'; '.join(sides)}."


def _chip(environment: Record) -> str:
    return str(environment.get("gpu") or environment["cpu"])


def _figure(record: Record, variant: str, name: str) -> str:
    return _spread(
        [run["evaluation"]["figures"][name]["mean"] for run in record["trainings"] if run["variant"] == variant]
    )


def _spread(values: Sequence[float]) -> str:
    return f"{mean(values):.3g} +- {stdev(values):.2g}" if len(values) > 1 else f"{values[0]:.3g}"


HALVES = {"precision-cpu": "quality-cpu", "precision-fp32-cuda": "precision-bf16-cuda"}
"""By a suite in float32, the one in bfloat16 that stands beside it."""

RENDERERS: dict[str, Callable[[Record], str]] = {
    "race-cpu": race,
    "race-busy-cpu": race,
    "race-256-cpu": race,
    "race-1024-cpu": race,
    "race-256-fp32-cpu": race,
    "race-1024-fp32-cpu": race,
    "race-cuda": race,
    "race-fp32-cuda": race,
    "race-256-cuda": race,
    "race-1024-cuda": race,
    "ablation-cpu": ablation,
    "limits-cpu": limits,
    "limits-cuda": limits,
    "scale-cpu": scale,
    "precision-cpu": precision,
    "precision-fp32-cuda": precision,
}
"""What fills a place of the page, by its name."""


def places(text: str) -> list[str]:
    """The names of the places in a page, those of other tools included."""
    return re.findall(r"^<!-- ([a-z0-9-]+) -->$", text, re.MULTILINE)


def filled(text: str, name: str, body: str) -> str:
    """``text`` with ``body`` in the place ``name``.

    Raises:
        ValueError: there is no such place, or it does not end.
    """
    before, start, rest = text.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    if not start or not end:
        raise ValueError(f"the page has no place for {name}, from <!-- {name} --> to <!-- /{name} -->")
    return f"{before}{start}\n{body}\n\n{end}{after}"


def rendered(text: str, results: Path) -> tuple[str, list[str]]:
    """``text`` with all places filled whose files lie in ``results``, and the names of the files that do not."""
    missing = []
    for name in places(text):
        path = results / f"{name}.json"
        if name in RENDERERS and path.is_file():
            text = filled(text, name, RENDERERS[name](json.loads(path.read_text(encoding="utf-8"))))
        elif name in RENDERERS:
            missing.append(path.name)
    return text, missing


def table(rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first row is its head."""
    head, *others = rows
    lines = [head, ["---"] * len(head), *others]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def _race_table(contests: Sequence[Record], wanted: Mapping[str, float]) -> str:
    raced = [contest for contest in contests if "failed" not in contest]
    names = list(dict.fromkeys(each["name"] for contest in raced for each in contest["contenders"][1:]))
    aims = any(contest["case"] in wanted for contest in raced)
    rows = [["case", "plain", *names, *(["aim"] if aims else [])]]
    for contest in raced:
        plain, *others = contest["contenders"]
        by_name = {each["name"]: _speed(each) for each in others}
        aim = [f"{wanted[contest['case']]:g}" if contest["case"] in wanted else "-"] if aims else []
        rows.append([contest["case"], _rate(plain), *(by_name.get(name, "-") for name in names), *aim])
    return table(rows) if raced else ""


def _speed(contender: Record) -> str:
    return f"{_rate(contender)} ({_ratio(contender['times_as_fast_as_plain'])})"


def _rate(contender: Record) -> str:
    broken = "" if contender.get("finite", True) else " (weights not finite)"
    return f"{contender['images_per_second']:,.0f}{broken}"


def _ratio(figure: Record) -> str:
    """Such as ``**2.50**, 2.41 to 2.58``."""
    return f"**{figure['median']:.2f}**, {figure['low']:.2f} to {figure['high']:.2f}"


def _unraced(contest: Record) -> str:
    title = f"{contest['case']}, batch {contest['batch_size']}"
    reasons = [f"{title} failed: {contest['failed']}"] if "failed" in contest else []
    reasons += [f"{title}, {name} did not run: {reason}" for name, reason in contest.get("refused", {}).items()]
    return _list(reasons)


def _gates(contest: Record) -> str:
    """What the parity gate found for each tier above the reference; empty if none ran."""
    found = []
    for each in contest.get("contenders", ()):
        parity = (each.get("choice") or {}).get("parity")
        if parity:
            error = "bit-equal" if parity["exact"] else f"{parity['error']:.2g} of {parity['allowed']:.2g} allowed"
            found.append(f"{each['name']} {error}")
    return f"Gate of {contest['case']}, batch {contest['batch_size']}: {'; '.join(found)}" if found else ""


def _part(case: Record, name: str) -> str:
    figures = [pair["times_as_fast"] for pair in case["pairs"] if pair["name"] == name and "failed" not in pair]
    return _ratio(figures[0]) if figures else "-"


def _limit_row(case: Record, *, launched: bool) -> list[str]:
    flops, peaks, least, kernels = case["flops"], case["peaks"], case["limit_seconds"], case.get("kernels")
    speeds = [f"{peaks[name] / 1e9:,.0f}" if peaks[name] else "-" for name in ("bf16", "fp32")]
    told = f"{kernels['number']:.0f}, {_ms(kernels['seconds'])}" if kernels else "-"
    return [
        case["case"],
        *(f"{flops.get(name, 0) / 1e9:.2f}" for name in ("bf16", "fp32")),
        f"{sum(case['bytes'].values()) / 1e6:.0f}",
        f"{case['operators']:,}",
        ", ".join(speeds),
        f"{peaks['bandwidth'] / 1e9:.1f}",
        f"{_ms(least['both'])} ({_ms(least['arithmetic'])} + {_ms(least['memory'])})",
        *([told] if launched else []),
        _ms(case["seconds"]),
        f"**{case['share']:.0%}**",
    ]


def _ms(seconds: float) -> str:
    """Milliseconds, to a tenth, or finer below five."""
    return f"{1e3 * seconds:.1f}" if seconds >= 5e-3 else f"{1e3 * seconds:.3g}"


def _check_row(check: Record) -> list[str]:
    value, unit = check.get("value"), check.get("unit", "")
    verdict = "open" if value is None else "flat" if check.get("passed") else "**not flat**"
    measured = "not measured" if value is None else f"{value:,.2f} {unit}"
    return [str(check.get("what", "")), measured, f"{check.get('limit', 0):,g}", verdict]


def _protocol(record: Record, load: str) -> str:
    """On what, when and how, in a paragraph; facts that a record does not give are left out."""
    asked, environment = record.get("asked", {}), record.get("environment", {})
    commit = (record.get("git") or {}).get("commit", "")
    facts = [
        f"{environment['gpu']}" if "gpu" in environment else "",
        f"{environment['cpu']} ({environment.get('cores')} cores)" if "cpu" in environment else "",
        f"{asked['threads']} {'thread' if asked['threads'] == 1 else 'threads'}" if "threads" in asked else "",
        f"torch {record['torch']}" if "torch" in record else "",
        f"{asked['blocks']} blocks of about {asked['seconds']:g} s" if {"blocks", "seconds"} <= asked.keys() else "",
        f"{asked['busy']} cores kept busy" if asked.get("busy") else "",
        load,
        f"commit `{commit[:12]}`" if commit else "",
        record.get("started", "").partition("T")[0],
    ]
    return f"Measured on {', '.join(filter(None, facts))}."


def _loads(items: Iterable[Record]) -> str:
    """The least and the largest load of the last minute, around all of ``items``."""
    found = [each[0] for item in items for each in (item.get("load_average") or {}).values() if each]
    return f"load {min(found):g} to {max(found):g}" if found else ""


def _load(record: Record) -> str:
    load = record.get("load_average")
    return f"load {load[0]:g}" if isinstance(load, list) and load else ""


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines if line)


def _mib(number: float) -> str:
    return f"{number / 2**20:,.1f}"


def main(words: Sequence[str] | None = None) -> int:
    """Fill or check the page; the exit status, 1 where a file is missing or, to check, the page is another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail where the page is out of date")
    check = parser.parse_args(words).check
    before = PAGE.read_text(encoding="utf-8")
    after, missing = rendered(before, RESULTS)
    for name in missing:
        print(f"benchmarks/results/{name} is not there", file=sys.stderr)
    if check and after != before:
        print(f"{PAGE.name} is out of date: run python benchmarks/performance_page.py", file=sys.stderr)
    elif after != before:
        PAGE.write_text(after, encoding="utf-8")
    return 1 if missing or (check and after != before) else 0


if __name__ == "__main__":
    raise SystemExit(main())
