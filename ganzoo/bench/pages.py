"""The results on the pages of a checkout: ``ganzoo bench --update-docs`` draws them from the committed files.

What is drawn stands between the lines ``<!-- NAME -->`` and ``<!-- end -->`` of ``docs/results.md`` and of the pages of
the variants, where NAME.json lies in ``benchmarks/results/``; everything between them is written anew, and so are the
pictures that it shows. Nothing is measured. Free of torch.
"""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from ganzoo.config import BUDGETS, overlay
from ganzoo.errors import ConfigError

from . import cells
from .markdown import escaped, to_markdown
from .pictures import draw_bars, draw_curves
from .result import Result, Training, read_result

PUBLISHED = {
    "vanilla": "6.8 +- 0.5 (NS GAN)",
    "lsgan": "7.8 +- 0.6",
    "wgan-gp": "20.3 +- 5.0",
    "began": "13.1 +- 1.0",
}
"""FID on MNIST by Inception features, 10,000 samples, the best of 100 settings over 50 seeds: Lucic et al. 2018,
arXiv:1711.10337, as told in Table 1 of Dai & Wipf 2019, arXiv:1903.05789."""

COLUMNS = {"fid": "FID", "confident": "confident", "coverage": "coverage", "density": "density", "kid": "KID"}

_SHOWN = ("dataset", *BUDGETS, "batch_size", "precision", "threads", "seed")
"""Options that a command names first, in this order."""

_UNSHOWN = ("engine", "allocator", "device", "log_every", "sample_every", "save_every", "data_dir")
"""Options that a command leaves out: they say how a run is executed and watched, and not what it computes."""


def update_docs(root: Path) -> list[Path]:
    """Write every place of the pages, and the pictures; what was written.

    Args:
        root: of the checkout.

    Raises:
        ConfigError: this is no checkout, a file is missing, or a page has no place for a result.
    """
    page, results = root / "docs" / "results.md", root / "benchmarks" / "results"
    if not page.is_file() or not results.is_dir():
        problem = f"{root} has no docs/results.md and benchmarks/results/"
        raise ConfigError(problem, fix="run it at the root of a checkout of ganzoo")
    written = [page]
    for name in places(page):
        result = read_result(results / f"{name}.json")
        fill(page, name, body(result, name))
        written += _pictures(root, name, result)
        for variant in result.by_variant():
            own = root / "docs" / "variants" / f"{variant}.md"
            if own.is_file():  # a third party's variant has no page here
                fill(own, name, variant_body(result, variant, name))
                written.append(own)
    return written


def places(page: Path) -> list[str]:
    """The results that ``page`` shows."""
    return re.findall(r"<!-- (?!end)([a-z0-9-]+) -->\n", page.read_text(encoding="utf-8"))


def body(result: Result, name: str) -> str:
    """What a page tells of a result: protocol, tables and pictures."""
    parts = []
    if result.trainings:
        picture = f"![FID against images and against time](images/{name}.png)"
        failures = [] if result.contests else cells.failures(result)  # else they stand below the speeds
        told = ["Did not run:", "\n".join(f"- {escaped(line)}" for line in failures)] if failures else []
        parts += [protocol(result), table(result), changes(result), *told, picture]
    if result.contests:
        picture = f"![Images a second, with intervals of 95 %](images/{name}-speed.png)"
        speed = result.model_copy(update={"trainings": []})
        parts += [to_markdown(speed).strip(), picture]
    return "\n\n".join(filter(None, parts))


def protocol(result: Result) -> str:
    """What was trained, on what, and how it was judged, in a paragraph; where trainings differ, which are which."""

    def each(tell: Callable[[Training], object]) -> str:
        return _each(result.trainings, tell)

    images, batch = each(lambda one: f"{one.images:,}"), each(lambda one: one.config["training"]["batch_size"])
    precision, tier = each(lambda one: one.engine["precision"]), each(lambda one: one.engine["tier"])
    torch = each(lambda one: one.environment["packages"]["torch"])
    floor = each(lambda one: one.evaluation["floor_from"])
    return (
        f"{images} training images, batch {batch}, {precision}, engine {tier}, {each(_where)}, torch {torch}, "
        f"seeds {', '.join(map(str, result.suite['seeds']))}. Judged by {each(_judged)}; the floor is that of {floor}. "
        "Mean +- standard deviation over seeds; minutes are of training, without "
        "evaluations. Shares are those of the rarest and of the commonest digit of any seed."
    )


def table(result: Result) -> str:
    """Markdown: a row a variant, and the floor."""
    titles = ["variant", "shares of digits", *COLUMNS.values(), "copying", "minutes", "published FID"]
    rows = [titles, ["---"] * len(titles)]
    for variant, trainings in result.by_variant().items():
        rows.append(
            [
                f"[{variant}](variants/{variant}.md)",
                _shares(trainings),
                *(spread(_means(trainings, name)) for name in COLUMNS),
                spread(_means(trainings, "copying")),
                spread([training.training_seconds / 60 for training in trainings]),
                PUBLISHED.get(variant, "-"),
            ]
        )
    floors = {name: _floors(result.trainings, name) for name in (*COLUMNS, "least", "most")}
    told = [" or ".join(dict.fromkeys(f"{value:.3g}" for value in floors[name])) for name in COLUMNS]
    shares = f"{min(floors['least']) / 10:.1%} to {max(floors['most']) / 10:.1%}"
    rows.append(["*floor*", shares, *told, "0.5", "", ""])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def changes(result: Result) -> str:
    """What the suite changes of the variants' defaults, but for what :func:`protocol` tells; empty if it is nothing."""
    told = []
    for variant in result.by_variant():
        raw = _asked(result, variant)
        training = {name: value for name, value in raw.pop("training", {}).items() if name not in (*_SHOWN, *_UNSHOWN)}
        raw.pop("data", None)
        if own := {**training, **raw.pop("options", {}), **raw}:
            told.append(f"{variant} `{' '.join(_flags(own))}`")
    return f"Not by default: {'; '.join(told)}." if told else ""


def variant_body(result: Result, variant: str, name: str) -> str:
    """What a variant's own page tells of its trainings in the result called ``name``: command, picture, figures."""
    trainings = result.by_variant()[variant]
    first = trainings[0]

    def each(tell: Callable[[Training], object]) -> str:
        return _each(trainings, tell)

    judged, extractor = each(lambda one: f"{one.evaluation['samples']:,}"), each(lambda one: _extractor(one)["name"])
    floor = each(lambda one: f"{_floors([one], 'fid')[0]:.2g}")
    elsewhere = f" on {each(_place)}" if each(_place) != _place(first) else ""
    words = {name: spread(_means(trainings, name)) for name in COLUMNS}
    seeds = f"Over {len(trainings)} seeds{elsewhere}, b" if len(trainings) > 1 else "B"
    return (
        f"```sh\n{command(result, variant)}\n```\n\n"
        f"![64 samples of {variant}](../images/{name}-{variant}.png)\n\n"
        f"The first 64 samples of seed {first.seed}, not chosen. {first.iterations:,} iterations, "
        f"{first.images:,} images, {first.training_seconds / 60:.1f} minutes on {_place(first)}, peak memory "
        f"{(first.peak_memory_bytes or 0) / 1e9:.2f} GB. {seeds}y {judged} "
        f"samples against the test images in the features of {extractor}: FID {words['fid']} "
        f"(floor {floor}), coverage {words['coverage']}, {words['confident']} of the samples classified with more "
        f"than 0.9; shares of the digits from {_shares(trainings)}. Beside the others: "
        "[Results](../results.md)."
    )


def command(result: Result, variant: str) -> str:
    """The command that trains the first seed again."""
    raw, seed = _asked(result, variant), result.by_variant()[variant][0].seed
    budget = {name: value for name, value in result.suite.get("quality", {}).items() if name in BUDGETS}
    settings = {**raw.pop("data", {}), **raw.pop("training", {}), **budget, "seed": seed}
    shown = {name: settings[name] for name in _SHOWN if name in settings}
    others = {name: value for name, value in settings.items() if name not in (*_SHOWN, *_UNSHOWN)}
    return " ".join(["ganzoo run", variant, *_flags({**shown, **others, **raw.pop("options", {}), **raw})])


def spread(values: Sequence[float]) -> str:
    """Mean +- standard deviation over seeds, three figures."""
    if len(values) == 1:
        return f"{values[0]:.3g}"
    return f"{mean(values):.3g} +- {stdev(values):.2g}"


def fill(page: Path, name: str, text: str) -> None:
    """Write ``text`` between the lines of ``page`` that name it.

    Raises:
        ConfigError: there are no such lines.
    """
    before, start, rest = page.read_text(encoding="utf-8").partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition("<!-- end -->")
    if not start or not end:
        raise ConfigError(f"{page} has no place for {name}", fix=f"add the lines <!-- {name} --> and <!-- end -->")
    page.write_text(f"{before}{start}\n{text}\n\n{end}{after}", encoding="utf-8")


def _asked(result: Result, variant: str) -> dict[str, Any]:
    """The config that the suite gives ``variant``."""
    return overlay(result.suite.get("common", {}), result.suite.get("variants", {}).get(variant, {}))


def _flags(settings: Mapping[str, Any], above: str = "--") -> list[str]:
    """Settings as the words of a command line.

    >>> _flags({"batch_size": 64, "conditional": True, "net": {"g_widths": [8, 16], "bias": False}})
    ['--batch-size 64', '--conditional', '--net.g-widths 8 16', '--net.no-bias']
    """
    words: list[str] = []
    for name, value in settings.items():
        flag = name.replace("_", "-")
        if isinstance(value, Mapping):
            words += _flags(value, f"{above}{flag}.")
        elif isinstance(value, bool):
            words.append(f"{above}{'' if value else 'no-'}{flag}")
        else:
            parts = value if isinstance(value, list | tuple) else [value]
            words.append(" ".join([above + flag, *(shlex.quote(str(part)) for part in parts)]))
    return words


def _each(trainings: Sequence[Training], tell: Callable[[Training], object]) -> str:
    """What ``tell`` says of all trainings; where they differ, each answer and whose it is."""
    said = [(training, str(tell(training))) for training in trainings]
    found: dict[str, dict[str, None]] = {}
    for training, text in said:
        whole = all(other == text for one, other in said if one.variant == training.variant)
        name = training.variant if whole else f"{training.variant} of seed {training.seed}"
        found.setdefault(text, {})[name] = None
    if len(found) == 1:
        return said[0][1]
    return " and ".join(f"{text} ({', '.join(names)})" for text, names in found.items())


def _judged(training: Training) -> str:
    evaluation, extractor = training.evaluation, _extractor(training)
    return (
        f"{evaluation['samples']:,} samples against {evaluation['real_images']:,} images of {evaluation['against']}, "
        f"features of {extractor['name']} `{extractor['sha256'][:12]}`"
    )


def _extractor(training: Training) -> dict[str, str]:
    extractor: dict[str, str] = training.evaluation["extractor"]
    return extractor


def _floors(trainings: Sequence[Training], name: str) -> list[float]:
    return [training.evaluation["figures"][name]["floor"]["mean"] for training in trainings]


def _pictures(root: Path, name: str, result: Result) -> list[Path]:
    images, written = root / "docs" / "images", []
    if result.trainings:
        draw_curves(result, written_to := images / f"{name}.png")
        written.append(written_to)
    if result.contests:
        draw_bars(result, written_to := images / f"{name}-speed.png")
        written.append(written_to)
    for variant, trainings in result.by_variant().items():
        if samples := trainings[0].samples_png:
            (images / f"{name}-{variant}.png").write_bytes(base64.b64decode(samples))
            written.append(images / f"{name}-{variant}.png")
    return written


def _means(trainings: Sequence[Training], name: str) -> list[float]:
    return [training.evaluation["figures"][name]["mean"] for training in trainings]


def _shares(trainings: Sequence[Training]) -> str:
    shares = [share for training in trainings for share in training.evaluation["shares"]]
    return f"{min(shares):.1%} to {max(shares):.1%}"


def _place(training: Training) -> str:
    torch = training.environment["packages"]["torch"]
    return f"{_where(training)} (torch {torch}, {training.engine['precision']}, {training.engine['tier']})"


def _where(training: Training) -> str:
    environment = training.environment
    if gpu := environment.get("gpu"):
        return f"one {gpu}"
    threads = environment["threads"]
    count = "one thread" if threads == 1 else f"{threads} threads"
    return f"{count} of {environment['cpu']} ({environment['cores']} cores)"
