"""What ran, on what and how it was judged, in sentences; all that a figure needs beside it. Free of torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from . import cells
from .result import Contender, Result, Training
from .summary import label


def sentences(result: Result) -> list[str]:
    """When and on what it ran, then how speed and quality were measured; what did not run is not told of."""
    parts = [when(result), *machines(result)]
    parts += [speed(result)] if result.contenders() else []
    parts += [judging(result)] if result.trainings else []
    return parts


def when(result: Result) -> str:
    """``Suite mnist-cpu of 2026-01-01 00:00 UTC, commit 0123456789ab.``"""
    return f"Suite {name(result)} of {result.started.replace('T', ' ')[:16]} UTC, {commit(result)}."


def name(result: Result) -> str:
    """The name of the suite."""
    return str(result.suite.get("name", "without a name"))


def commit(result: Result) -> str:
    """The commits of all parts, and whether the code was changed since."""
    found = _list(_commit(part.git or result.git) for part in result.parts())
    return found or _commit(result.git)


def machines(result: Result) -> list[str]:
    """Machine and software, a sentence for each that a part of the result was measured on."""
    parts = [part.environment or result.environment for part in result.parts()]
    return list(dict.fromkeys(map(machine, parts or [result.environment])))


def machine(environment: dict[str, Any]) -> str:
    """``CPU (2 cores), GPU, CUDA 13.0, torch 2.14.1, Python 3.12.1, Linux.``"""
    packages = environment.get("packages") or {}
    facts = [
        f"{environment.get('cpu', 'unknown processor')} ({environment.get('cores', '?')} cores)",
        str(environment.get("gpu") or ""),
        _named("CUDA", environment.get("cuda")),
        _named("torch", packages.get("torch")),
        _named("ganzoo", packages.get("ganzoo")),
        _named("Python", environment.get("python")),
        str(environment.get("platform") or "").partition("-")[0],
    ]
    return ", ".join(filter(None, facts)) + "."


def speed(result: Result) -> str:
    """Which variants, tiers, precisions and batch sizes ran on which devices, and what the figures are."""
    found = result.contenders()

    def each(fact: Callable[[Contender], object]) -> str:
        return _list(str(fact(contender)) for contender in found)

    blocks = _list(str(count) for count in sorted({len(contender.blocks) for contender in found}))
    return (
        f"Speed: {each(lambda one: one.variant)} on {_list(contest.device for contest in result.contests)}, tier "
        f"{each(lambda one: one.tier)}, precision {each(lambda one: one.precision)}, batch "
        f"{each(lambda one: one.batch_size)}; medians of {blocks} blocks in turns, with 95 % intervals."
    )


def judging(result: Result) -> str:
    """What was trained with which seeds, and by which features, samples and real images it was judged."""
    runs = result.trainings

    def each(fact: Callable[[Training], object]) -> str:
        return _list(f"{value:,}" if isinstance(value := fact(run), int) else str(value) for run in runs)

    return (
        f"Quality: {each(lambda run: run.variant)} on {each(_data)}, tier {each(_engine('tier'))}, precision "
        f"{each(_engine('precision'))}, {each(lambda run: run.images)} images, seeds "
        f"{each(lambda run: str(run.seed))}; judged at the end by {each(_judged('samples'))} samples"
        f"{_along_the_way(runs)} against {each(_judged('against'))}, features {each(extractor)}; the floor is that of "
        f"{each(_judged('floor_from'))}. "
        f"Mean +- standard deviation over seeds; time is {_clock(runs)}, without evaluations."
        f"{_incomparable(runs)}"
    )


def reasons(choice: dict[str, Any] | None) -> list[str]:
    """Each tier that did not run with its reason, then the verdict of the parity gate."""
    if not choice:
        return []
    lines = [f"{tier}: {reason}" for tier, reason in (choice.get("reasons") or {}).items()]
    parity = choice.get("parity")
    return [*lines, _parity(parity)] if parity else lines


def extractor(training: Training) -> str:
    """The feature extractor, the first 12 characters of its digest, and the border that it sees images in."""
    found = training.evaluation.get("extractor") or {}
    border = f" in a border of {found['border']}" if found.get("border") else ""
    return f"{found.get('name', 'unknown')} {str(found.get('sha256', ''))[:12]}".strip() + border


def titles(result: Result) -> dict[str, str]:
    """What each variant is called: with its distribution where the name does not tell that."""
    found = {contender.variant: cells.label(contender) for contender in result.contenders()}
    for training in result.trainings:
        found.setdefault(training.variant, label(training.variant, training.origins.get("variant")))
    return found


def _commit(git: dict[str, Any] | None) -> str:
    if not git or not git.get("commit"):
        return "outside a repository"
    return f"commit {str(git['commit'])[:12]}{', changed since' if git.get('changed') else ''}"


def _parity(found: dict[str, Any]) -> str:
    if found.get("exact"):
        return f"parity: bit-equal over {found.get('iterations')} iterations"
    if found.get("unequal"):
        return f"parity: {found['unequal']} is not the reference's"
    verdict = "within" if found.get("passed") else "beyond"
    error, allowed = cells.number(found.get("error")), cells.number(found.get("allowed"))
    return f"parity: {error} of an update off, {verdict} the {allowed} allowed"


def _along_the_way(runs: list[Training]) -> str:
    """The samples of the curves, where they are other than those at the end."""
    asked = [((run.config.get("training") or {}).get("eval_samples"), run.evaluation.get("samples")) for run in runs]
    counts = {count for count, final in asked if isinstance(count, int) and count != final}
    return f" (along the way by {_list(f'{count:,}' for count in sorted(counts))})" if counts else ""


def _clock(runs: list[Training]) -> str:
    unknown = list(dict.fromkeys(run.variant for run in runs if run.startup_seconds is None))
    shared = sorted({run.together for run in runs if run.together and run.together > 1})
    together = f" ({_list(map(str, shared))} trainings shared the machine)" if shared else ""
    return (
        f"start-up and training{together}{f' (the start-up of {_list(unknown)} was not recorded)' if unknown else ''}"
    )


def _incomparable(runs: list[Training]) -> str:
    judges = {(extractor(run), run.evaluation.get("against")) for run in runs}
    return " Figures of other features or other real images do not compare." if len(judges) > 1 else ""


def _data(run: Training) -> str:
    return str((run.config.get("data") or {}).get("dataset", "unknown data"))


def _engine(fact: str) -> Callable[[Training], object]:
    return lambda run: run.engine.get(fact, "unknown")


def _judged(fact: str) -> Callable[[Training], object]:
    return lambda run: run.evaluation.get(fact) or "unknown"


def _named(what: str, version: object) -> str:
    return f"{what} {version}" if version else ""


def _list(values: Iterable[str]) -> str:
    """Each value once, in order."""
    return ", ".join(dict.fromkeys(values))
