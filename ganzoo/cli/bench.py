"""``ganzoo bench``: benchmark variants."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field

from ganzoo.config import overlay
from ganzoo.errors import ConfigError
from ganzoo.options import Count, Options, Threads, known_device

from .args import parse
from .console import err, out, print_json, telling
from .marks import POSITIONAL, JsonSwitch, Mark, Switch

if TYPE_CHECKING:
    from ganzoo.bench.result import Result
    from ganzoo.bench.suite import Suite

_FLAGS = {
    "batch_sizes": "--batch-size",
    "engines": "--engine",
    "precisions": "--precision",
    "baseline": "--no-baseline",
    "images": "--budget",
    "minutes": "--budget",
    "seeds": "--seeds",
}
"""The option that says what a field of a suite says."""


def _known_devices(names: str) -> str:
    return ",".join(known_device(name.strip()) for name in names.split(","))


class BenchOptions(Options):
    """Benchmark variants: how fast they train, how good they become, and what that costs, one protocol for all."""

    variants: Annotated[tuple[str, ...], POSITIONAL, Mark(metavar="[VARIANT ...]")] = ()
    """The variants; those of the suite, or every installed one, if none is given."""
    suite: str = "quick"
    """quick, throughput, quality, full, or a TOML file."""
    device: Annotated[str, AfterValidator(_known_devices)] = "auto"
    """auto, cpu, cuda:N or mps; several joined by commas share the work."""
    batch_size: str | None = None
    """Batch sizes, joined by commas, for the measurement of speed."""
    engine: str | None = None
    """Tiers, joined by commas: auto, eager, compile, graph, graph+compile."""
    precision: str | None = None
    """Arithmetics, joined by commas: auto, fp32, tf32, bf16."""
    seeds: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Trainings of each variant, with the seeds 0, 1, 2 and so on."""
    budget: str | None = None
    """Length of a training: 60s, 10m, 500k-images, 2M-images."""
    baseline: bool = True
    """Run the loop that everybody copies beside each variant."""
    dataset: str | None = None
    """What is trained on (see ganzoo data list)."""
    data_dir: Path | None = None
    """Where the images lie; before GANZOO_DATA and the user's cache folder."""
    threads: Threads | None = None
    """CPU threads of a tensor operation, the plain loop's too; auto finds out by a trial, for the plain loop it leaves
    torch's choice; those of the suite, else auto, if it is not given."""
    trainings: Count = 1
    """Trainings that share a device at once."""
    out: Path | None = None
    """The folder of the results, bench/SUITE if it is not given; an interrupted benchmark there is gone on with."""
    against: Path | None = None
    """Say whether this is slower than that result, as ratios to the plain loop; status 1 if it is."""
    update_docs: Switch = False
    """Draw the results on the pages of a checkout's docs/ from the files in its benchmarks/results/, and do no more."""
    as_json: JsonSwitch = False
    """Write the result as JSON."""
    quiet: Switch = False
    """Do not tell what is being done."""


def main(argv: list[str]) -> int:
    """Measure, and print the tables."""
    options = parse(BenchOptions, argv, prog="ganzoo bench")
    if options.update_docs:
        from ganzoo.bench.pages import update_docs

        for path in update_docs(Path.cwd()):
            out.print(str(path), markup=False, soft_wrap=True)
        return 0
    from ganzoo.bench.result import read_result
    from ganzoo.bench.suite import choose_variants, read_suite

    suite = choose_variants(_laid_over(read_suite(options.suite), options), options.variants)
    before = read_result(options.against) if options.against else None
    _check_against(suite, options)
    found = _measure(suite, options)
    _report(found, options)
    status = 1 if found.failures else 0
    return max(status, _guard(before, found)) if before else status


def _measure(suite: Suite, options: BenchOptions) -> Result:
    from ganzoo.bench.runner import Bench
    from ganzoo.training.environment import find_device

    devices = list(dict.fromkeys(str(find_device(name)) for name in options.device.split(",")))
    folder = _folder(suite, options)
    with telling(quiet=options.quiet) as say:
        return Bench(
            suite, devices, folder, trainings=options.trainings, anew=options.against is not None, say=say
        ).run()


def _folder(suite: Suite, options: BenchOptions) -> Path:
    return options.out or Path("bench") / suite.name


def _laid_over(suite: Suite, options: BenchOptions) -> Suite:
    """The suite with what the command line says otherwise.

    Raises:
        ConfigError: an option that does not fit, or that the suite has no use for.
    """
    from ganzoo.bench.suite import Suite, parse_budget

    raw = suite.to_dict()
    speed: dict[str, Any] = {
        "batch_sizes": _whole("--batch-size", options.batch_size),
        "engines": _words(options.engine),
        "precisions": _words(options.precision),
        "baseline": None if options.baseline else False,  # otherwise as the suite has it
    }
    _lay(raw, "throughput", {name: value for name, value in speed.items() if value is not None})
    if options.budget is not None:
        kept = {name: value for name, value in raw.get("quality", {}).items() if name not in ("images", "minutes")}
        raw |= {"quality": kept} if "quality" in raw else {}
        _lay(raw, "quality", parse_budget(options.budget))
    if options.seeds is not None:
        _demand(raw, "quality", ["seeds"])
        raw["seeds"] = list(range(options.seeds))
    told = _common(raw, options)
    raw["common"] = overlay(raw.get("common", {}), told)
    raw["variants"] = {name: _overridden(own, told) for name, own in raw.get("variants", {}).items()}
    from ganzoo.config import validate

    return validate(Suite, raw, source="the command line")


def _common(raw: dict[str, Any], options: BenchOptions) -> dict[str, Any]:
    """What the command line says to every run. A tier or a precision given once holds for the trainings too."""
    data = {"dataset": options.dataset, "data_dir": options.data_dir and str(options.data_dir)}
    training: dict[str, Any] = {"threads": options.threads}
    for name, given in (("engine", options.engine), ("precision", options.precision)):
        words = _words(given)
        if words and len(words) > 1 and "quality" in raw:
            fix = "give one, or take a suite that measures speed alone"
            raise ConfigError(f"--{name} {given}: trainings run with one {name}", fix=fix)
        training[name] = words[0] if words and len(words) == 1 else None
    tables = {"data": data, "training": training}
    return {table: {key: value for key, value in each.items() if value is not None} for table, each in tables.items()}


def _overridden(own: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """A variant's own table, in which what the command line says wins."""
    clash = {table: {key: value for key, value in told[table].items() if key in own.get(table, {})} for table in told}
    return overlay(own, {table: values for table, values in clash.items() if values})


def _lay(raw: dict[str, Any], table: str, values: dict[str, Any]) -> None:
    if values:
        _demand(raw, table, values)
        raw[table] = {**raw[table], **values}


def _demand(raw: dict[str, Any], table: str, names: Iterable[str]) -> None:
    if table not in raw:
        flags = ", ".join(dict.fromkeys(_FLAGS[name] for name in names))
        raise ConfigError(
            f"suite {raw['name']} has no table {table!r}, so it has no use for {flags}",
            fix="take another --suite: throughput measures speed, quality measures quality, full measures both",
        )


def _words(given: str | None) -> list[str] | None:
    return None if given is None else [word.strip() for word in given.split(",")]


def _whole(name: str, given: str | None) -> list[int] | None:
    words = _words(given)
    if words and (wrong := next((word for word in words if not word.isdecimal() or int(word) == 0), None)) is not None:
        raise ConfigError(f"{name} {given}: {wrong!r} is no number of images", fix=f"write {name} 64,256")
    return [int(word) for word in words] if words else None


def _check_against(suite: Suite, options: BenchOptions) -> None:
    if options.against and (suite.throughput is None or not suite.throughput.baseline):
        raise ConfigError(
            "--against compares ratios to the plain loop, and this benchmark does not run it",
            fix="take --suite quick or throughput, without --no-baseline",
        )


def _report(found: Result, options: BenchOptions) -> None:
    """The tables here, the page and the Markdown in the folder."""
    from ganzoo.bench.markdown import to_markdown
    from ganzoo.bench.page import write_page
    from ganzoo.bench.runner import RESULTS
    from ganzoo.bench.suite import Suite
    from ganzoo.bench.table import show

    folder = _folder(Suite.model_validate(found.suite), options)
    write_page(folder / "index.html", found)
    (folder / "table.md").write_text(to_markdown(found), encoding="utf-8")
    if options.as_json:
        print_json(found.model_dump(mode="json", exclude_none=True))
        return
    show(out, found)
    out.print(f"{folder / RESULTS}, {folder / 'index.html'}, {folder / 'table.md'}", markup=False, soft_wrap=True)


def _guard(before: Result, now: Result) -> int:
    """Tell of what became slower; 1 if something did."""
    from ganzoo.bench.guard import judge, show

    verdicts = judge(before, now)
    show(err, verdicts)
    return 1 if any(verdict.word == "slower" for verdict in verdicts) else 0
