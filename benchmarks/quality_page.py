"""Draw docs/results.md, and the results on the pages of the variants: `python benchmarks/quality_page.py`.

What is drawn stands between the lines `<!-- NAME -->` and `<!-- end -->` of a page, where NAME.json lies in
benchmarks/results/; everything between them is written anew. With `--runs DIR`, the folder that benchmarks/quality.py
trained in, the samples on the pages and in the README are drawn anew as well.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "results.md"
VARIANTS = ROOT / "docs" / "variants"
PICTURES = ROOT / "docs" / "images"
RESULTS = ROOT / "benchmarks" / "results"

PUBLISHED = {
    "vanilla": "6.8 +- 0.5 (NS GAN)",
    "lsgan": "7.8 +- 0.6",
    "wgan-gp": "20.3 +- 5.0",
    "began": "13.1 +- 1.0",
}
"""FID on MNIST by Inception features, 10,000 samples, the best of 100 settings over 50 seeds: Lucic et al. 2018,
arXiv:1711.10337, as told in Table 1 of Dai & Wipf 2019, arXiv:1903.05789."""

COLUMNS = {"fid": "FID", "confident": "confident", "coverage": "coverage", "density": "density", "kid": "KID"}
COLOURS = ("#0b7a75", "#d1495b", "#edae49", "#30638e", "#7b5ea7", "#6a994e")

Runs = list[dict[str, Any]]


def by_variant(result: dict[str, Any]) -> dict[str, Runs]:
    """The runs of each variant, in the order of the suite."""
    found: dict[str, Runs] = {}
    for run in result["runs"]:
        found.setdefault(run["variant"], []).append(run)
    return found


def table(result: dict[str, Any]) -> str:
    """Markdown: a row a variant, and the floor."""
    titles = ["variant", "shares of digits", *COLUMNS.values(), "copying", "minutes", "published FID"]
    rows = [titles, ["---"] * len(titles)]
    for variant, runs in by_variant(result).items():
        figures = [run["evaluation"]["figures"] for run in runs]
        shares = [share for run in runs for share in run["evaluation"]["shares"]]
        rows.append(
            [
                f"[{variant}](variants/{variant}.md)",
                f"{min(shares):.1%} to {max(shares):.1%}",
                *(spread([each[name]["mean"] for each in figures]) for name in COLUMNS),
                spread([each["copying"]["mean"] for each in figures]),
                spread([run["training_seconds"] / 60 for run in runs]),
                PUBLISHED.get(variant, "-"),
            ]
        )
    evaluation = result["runs"][0]["evaluation"]
    floor = [f"{evaluation['figures'][name]['floor']['mean']:.3g}" for name in COLUMNS]
    equal = [evaluation["figures"][name]["floor"]["mean"] / 10 for name in ("least", "most")]
    rows.append(["*floor*", f"{equal[0]:.1%} to {equal[1]:.1%}", *floor, "0.5", "", ""])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def spread(values: Sequence[float]) -> str:
    """Mean +- standard deviation over seeds, three figures."""
    if len(values) == 1:
        return f"{values[0]:.3g}"
    return f"{mean(values):.3g} +- {stdev(values):.2g}"


def protocol(result: dict[str, Any]) -> str:
    """What ran, on what, and how it was judged, in a paragraph."""
    first = result["runs"][0]
    evaluation, environment = first["evaluation"], first["environment"]
    training, common = first["config"]["training"], result["common"]["training"]
    return (
        f"{common['images']:,} training images, batch {training['batch_size']}, {training['precision']}, engine "
        f"{first['engine']['tier']}, one thread of {environment['cpu']} ({environment['cores']} cores), torch "
        f"{environment['packages']['torch']}, seeds {', '.join(map(str, result['suite']['seeds']))}. Judged by "
        f"{evaluation['samples']:,} samples against {evaluation['real_images']:,} images of {evaluation['against']}, "
        f"features of {evaluation['extractor']['name']} `{evaluation['extractor']['sha256'][:12]}`; the floor is that "
        f"of {evaluation['floor_from']}. Mean +- standard deviation over seeds; minutes are of training, without "
        "evaluations. Shares are those of the rarest and of the commonest digit of any seed."
    )


def curves(result: dict[str, Any], path: Path) -> None:
    """FID against images and against time: the mean over seeds, and the range of them as a band."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.2), sharey=True, layout="constrained")
    for colour, (variant, runs) in zip(COLOURS, by_variant(result).items(), strict=False):
        points = list(zip(*(run["curve"] for run in runs), strict=False))  # the same evaluation of every seed
        fids = [[line["fid"] for line in point] for point in points]
        for axis, scale in ((axes[0], ("images", 1e3)), (axes[1], ("seconds", 60))):
            where = [mean(line[scale[0]] for line in point) / scale[1] for point in points]
            axis.plot(where, [mean(each) for each in fids], color=colour, label=variant, marker="o", markersize=3)
            axis.fill_between(
                where, [min(each) for each in fids], [max(each) for each in fids], color=colour, alpha=0.2
            )
    floor = result["runs"][0]["evaluation"]["figures"]["fid"]["floor"]["mean"]
    for axis, title in zip(axes, ("thousand training images", "minutes of training, one core"), strict=True):
        axis.axhline(floor, color="black", linewidth=1, linestyle=":")
        axis.set_yscale("log")
        axis.set_xlabel(title)
        axis.grid(alpha=0.25, which="both")
    axes[0].set_ylabel("FID (mnist-cnn)")
    axes[0].text(0.02, floor * 1.08, "floor", transform=axes[0].get_yaxis_transform(), fontsize=9)
    axes[1].legend(frameon=False)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def variant_results(result: dict[str, Any], variant: str) -> str:
    """What a variant's own page tells of its runs: the command, the picture, the figures."""
    runs = by_variant(result)[variant]
    first = runs[0]
    settings = {**result["common"]["data"], **result["common"]["training"], "seed": first["seed"]}
    shown = [name for name in ("dataset", "images", "batch_size", "precision", "threads", "seed") if name in settings]
    words = [f"--{name.replace('_', '-')} {settings[name]}" for name in shown]
    words += [
        f"--net.{name.replace('_', '-')} {value}" for name, value in result["variants"][variant].get("net", {}).items()
    ]
    figures = {name: spread([run["evaluation"]["figures"][name]["mean"] for run in runs]) for name in COLUMNS}
    shares = [share for run in runs for share in run["evaluation"]["shares"]]
    environment, evaluation = first["environment"], first["evaluation"]
    floor = evaluation["figures"]["fid"]["floor"]["mean"]
    return (
        f"```sh\nganzoo run {variant} {' '.join(words)}\n```\n\n"
        f"![64 samples of {variant}](../images/{variant}.png)\n\n"
        f"The first 64 samples of seed {first['seed']}, not chosen. {first['iterations']:,} iterations, "
        f"{first['images']:,} images, {first['training_seconds'] / 60:.1f} minutes on one core of a two-core virtual "
        f"machine ({environment['cpu']}, the other core as busy; torch {environment['packages']['torch']}, "
        f"{first['engine']['precision']}, {first['engine']['tier']}), peak memory "
        f"{first['peak_memory_bytes'] / 1e9:.2f} GB. Over {len(runs)} seeds, by {evaluation['samples']:,} samples "
        f"against the test images in the features of {evaluation['extractor']['name']}: FID {figures['fid']} (floor "
        f"{floor:.2g}), coverage {figures['coverage']}, {figures['confident']} of the samples classified with more "
        f"than 0.9; shares of the digits from {min(shares):.1%} to {max(shares):.1%}. Beside the others: "
        "[Results](../results.md)."
    )


def filled(page: Path, name: str, body: str) -> None:
    """Write ``body`` between the lines of ``page`` that name it."""
    before, start, rest = page.read_text(encoding="utf-8").partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition("<!-- end -->")
    if not start or not end:
        raise SystemExit(f"{page} has no place for {name}")
    page.write_text(f"{before}{start}\n{body}\n\n{end}{after}", encoding="utf-8")


def draw_samples(result: dict[str, Any], runs: Path) -> None:
    """The first samples of each variant's first seed, on its page and in the README."""
    folders = [runs / f"{variant}-{found[0]['seed']}" for variant, found in by_variant(result).items()]
    for variant, folder in zip(by_variant(result), folders, strict=True):
        out = PICTURES / f"{variant}.png"
        subprocess.run(
            [sys.executable, "-m", "ganzoo", "sample", str(folder), "--n", "64", "--out", str(out)], check=True
        )
    script = ROOT / "benchmarks" / "zoo_picture.py"
    subprocess.run([sys.executable, str(script), *map(str, folders), "--out", str(PICTURES / "zoo.png")], check=True)


def main() -> None:
    """Write every place of the pages, and the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, help="the folder that holds the runs, to draw their samples")
    arguments = parser.parse_args()
    for name in re.findall(r"<!-- (?!end)([a-z0-9-]+) -->\n", PAGE.read_text(encoding="utf-8")):
        result = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        curves(result, PICTURES / f"{name}.png")
        picture = f"![FID against images and against time](images/{name}.png)"
        filled(PAGE, name, "\n\n".join((protocol(result), table(result), picture)))
        for variant in by_variant(result):
            filled(VARIANTS / f"{variant}.md", name, variant_results(result, variant))
        if arguments.runs:
            draw_samples(result, arguments.runs / name)


if __name__ == "__main__":
    main()
