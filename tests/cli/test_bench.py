"""``ganzoo bench``: real contests and trainings on the embedded data, small; and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ganzoo.bench.result import read_result
from ganzoo.cli import bench as command
from ganzoo.cli.main import main

SUITE = """
name = "tiny"
seeds = [0]

[throughput]
batch_sizes = [16]
blocks = 2
seconds = 0.02
{more}

[common.data]
dataset = "digits"

[common.training]
threads = 1
engine = "eager"
precision = "fp32"

[variants.vanilla.net]
g_widths = [8]
d_widths = [8]
"""

QUALITY = """
[quality]
images = 640
evaluations = 2
curve = "fid"
metrics = "fid"
"""


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """``suite(more)`` writes a small suite and gives its path, in a folder that is the current one."""
    monkeypatch.chdir(tmp_path)

    def write(more: str = "") -> str:
        path = tmp_path / "tiny.toml"
        path.write_text(SUITE.format(more=more), encoding="utf-8")
        return str(path)

    return write


@pytest.mark.slow
class TestForReal:
    """Processes, trainings and files."""

    def test_speed_is_measured_written_and_shown(self, suite, tmp_path: Path, capsys) -> None:
        assert main(["bench", "--suite", suite(), "--out", "found", "--device", "cpu", "--quiet"]) == 0
        told = capsys.readouterr().out
        assert "vanilla" in told
        found = read_result(tmp_path / "found" / "results.json")
        assert [each.kind for each in found.contenders()] == ["plain", "ganzoo"]
        assert found.contenders()[1].times_as_fast_as_plain is not None
        page = (tmp_path / "found" / "index.html").read_text(encoding="utf-8")
        assert "<svg" in page
        assert "vanilla" in (tmp_path / "found" / "table.md").read_text(encoding="utf-8")

        # The same command finds everything done; another one does not mix with it.
        before = (tmp_path / "found" / "results.json").read_bytes()
        assert main(["bench", "--suite", suite(), "--out", "found", "--device", "cpu", "--quiet"]) == 0
        assert (tmp_path / "found" / "results.json").read_bytes() == before
        assert main(["bench", "--suite", suite(), "--out", "found", "--device", "cpu", "--batch-size", "8"]) == 2
        assert "other options" in capsys.readouterr().err

        # Held against results that were a thousand times slower and faster, as ratios to the loop beside it.
        words = ["bench", "--suite", suite(), "--out", "found", "--device", "cpu", "--quiet", "--against", "then.json"]
        for factor, status in ((1000, 0), (0.001, 1)):
            then = json.loads(before)
            for block in then["contests"][0]["contenders"][1]["blocks"]:
                block["seconds"] *= factor
            (tmp_path / "then.json").write_text(json.dumps(then), encoding="utf-8")
            assert main(words) == status
            assert "vanilla" in capsys.readouterr().err

    def test_quality_is_trained_judged_and_kept(self, suite, tmp_path: Path, capsys) -> None:
        words = ["bench", "--suite", suite(QUALITY), "--out", "found", "--device", "cpu", "--quiet", "--no-baseline"]
        assert main([*words, "--json"]) == 0
        raw = json.loads(capsys.readouterr().out)
        (training,) = raw["trainings"]
        assert (training["variant"], training["images"]) == ("vanilla", 640)
        assert len(training["curve"]) == 2
        assert training["startup_seconds"] > 0
        assert training["evaluation"]["figures"]["fid"]["mean"] > 0
        assert training["samples_png"].startswith("iVBOR")
        assert "/" not in training["evaluation"]["source"]
        assert read_result(tmp_path / "found" / "results.json").trainings[0].seed == 0

    def test_one_that_cannot_run_is_told_and_the_rest_goes_on(self, suite, tmp_path: Path, capsys) -> None:
        words = ["bench", "--suite", suite(), "--out", "found", "--device", "cpu", "--quiet", "--no-baseline"]
        assert main([*words, "--engine", "eager,graph"]) == 1
        found = read_result(tmp_path / "found" / "results.json")
        assert [each.tier for each in found.contenders()] == ["eager"]
        assert "needs CUDA" in found.failures[0].reason
        assert "needs CUDA" in capsys.readouterr().out


def test_the_command_line_wins_over_a_variants_own_table() -> None:
    from ganzoo.bench.suite import Suite
    from ganzoo.cli.bench import BenchOptions, _laid_over

    raw = {
        "name": "s",
        "throughput": {},
        "variants": {"vanilla": {"data": {"dataset": "digits"}, "training": {"ema": 0.5, "threads": 1}}, "dcgan": {}},
    }
    found = _laid_over(Suite.model_validate(raw), BenchOptions(dataset="mnist", threads=2))
    assert found.variants["vanilla"] == {"data": {"dataset": "mnist"}, "training": {"ema": 0.5, "threads": 2}}
    assert found.variants["dcgan"] == {}
    assert found.common == {"data": {"dataset": "mnist"}, "training": {"threads": 2}}
    found = _laid_over(found, BenchOptions(threads="auto"))
    assert found.variants["vanilla"]["training"] == {"ema": 0.5, "threads": "auto"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--suite", "quik"], "did you mean 'quick'"),
        (["--suite", "nowhere.toml"], "nowhere.toml"),
        (["dcgna"], "did you mean 'dcgan'"),
        (["--batch-size", "64,zero"], "'zero' is no number of images"),
        (["--batch-size", "0"], "'0' is no number of images"),
        (["--engine", "warp"], "engines"),
        (["--precision", "fp8"], "precisions"),
        (["--budget", "long", "--suite", "quality"], "neither a time nor a number of images"),
        (["--budget", "60s"], "suite quick has no table 'quality', so it has no use for --budget"),
        (["--seeds", "3"], "no use for --seeds"),
        (["--batch-size", "64", "--suite", "quality"], "no table 'throughput', so it has no use for --batch-size"),
        (["--engine", "eager,graph", "--suite", "full"], "trainings run with one engine"),
        (["--seeds", "0"], "--seeds"),
        (["--device", "tpu"], "--device"),
        (["--device", "cuda:99"], "not on this machine"),
        (["--dataset", "mnits"], "did you mean 'mnist'"),
        (["--against", "nowhere.json"], "nowhere.json"),
        (["--no-baseline", "--against", "here.json"], "ratios to the plain loop"),
        (["--speed"], "unknown option --speed"),
    ],
)
def test_what_does_not_fit_is_refused_in_words_and_nothing_is_written(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    from toys import results

    from ganzoo.bench.result import write_result

    monkeypatch.chdir(tmp_path)
    write_result(tmp_path / "here.json", results.result(contests=[results.contest(results.contender())]))
    assert main(["bench", *words]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["here.json"]


def test_a_checkout_is_needed_to_draw_its_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "--update-docs"]) == 2
    assert "docs/results.md" in capsys.readouterr().err


def test_one_tier_and_precision_hold_for_the_trainings_too() -> None:
    from ganzoo.bench.suite import read_suite
    from ganzoo.cli.args import parse

    words = ["--engine", "eager", "--precision", "fp32", "--budget", "90s", "--seeds", "2", "--threads", "3"]
    suite = command._laid_over(read_suite("full"), parse(command.BenchOptions, words, prog="ganzoo bench"))
    assert suite.common["training"] == {"engine": "eager", "precision": "fp32", "threads": 3}
    assert suite.quality is not None
    assert (suite.quality.minutes, suite.quality.images, suite.seeds) == (1.5, None, (0, 1))
