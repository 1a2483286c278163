"""``ganzoo eval`` as a user runs it: what it prints, what it takes, what it refuses; and ``ganzoo.evaluate``."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy
import pytest
import torch
from PIL import Image
from rich.console import Console
from torch import Tensor
from toys.translation import CycleGame

import ganzoo
from ganzoo.api import Run
from ganzoo.cli.main import main
from ganzoo.data import DataInfo, DataOptions
from ganzoo.data.catalog import find_source
from ganzoo.errors import ConfigError, DataError
from ganzoo.metrics.plan import Plan, make_plan
from ganzoo.metrics.samples import Samples
from ganzoo.registry import registry

TINY = ["--net.g-widths", "8", "--net.d-widths", "8", "--device", "cpu", "--threads", "1", "--quiet"]
JUDGED = ["--eval-every", "2", "--eval-samples", "120", "--eval-metrics", "fid"]

DIGITS = ["--against", "digits:test", "--resize", "--device", "cpu"]
"""For images of 8 x 8, which the extractor of digits takes in 28 x 28."""

Told = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a best snapshot, one with labels, and 120 samples of each as an array and as a folder."""
    out = tmp_path_factory.mktemp("runs")
    common = ["run", "vanilla", "--dataset", "digits", "--out", str(out), *TINY]
    assert main([*common, "--name", "plain", "--steps", "4", *JUDGED]) == 0
    assert main([*common, "--name", "labelled", "--steps", "2", "--conditional"]) == 0
    for run in ("plain", "labelled"):
        for kind in ("", ".npz", ".npy"):
            words = ["--n", "120", "--seed", "3", "--out", str(out / f"{run}-samples{kind}")]
            assert main(["sample", str(out / run), *words]) == 0
    return out


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sources with something wrong in them."""
    top = tmp_path_factory.mktemp("bad")
    rng = numpy.random.default_rng(0)
    for name, shape in (("large", (9, 1, 28, 28)), ("colour", (9, 3, 8, 8)), ("wide", (9, 1, 8, 12))):
        numpy.savez(top / f"{name}.npz", images=rng.integers(0, 256, shape, numpy.uint8))
    floats = rng.random((9, 1, 8, 8), numpy.float32)
    numpy.savez(top / "range.npz", images=2.5 * floats)
    floats[3, 0, 2, 2] = numpy.nan
    numpy.savez(top / "nan.npz", images=floats)
    (top / "junk.npz").write_bytes(b"PK junk")
    (top / "text.txt").write_text("no image")
    (top / "empty").mkdir()
    for name, side in (("few", 8), ("mixed", 8), ("broken", 8)):
        (top / name).mkdir()
        for index in range(9):
            size = (side, side + index) if name == "mixed" else (side, side)
            Image.fromarray(rng.integers(0, 256, size, numpy.uint8)).save(top / name / f"{index}.png")
    whole = (top / "broken" / "4.png").read_bytes()
    (top / "broken" / "4.png").write_bytes(whole[:60])
    (top / "unreadable").mkdir()
    (top / "unreadable" / "0.png").write_bytes(b"no picture")
    return top


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current folder, which stays empty."""
    folder = tmp_path / "cwd"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """``told(source, *words)``: what ``ganzoo eval --json`` writes."""

    def run(source: str | Path, *words: str) -> dict[str, Any]:
        capsys.readouterr()
        assert main(["eval", str(source), "--json", *words]) == 0, capsys.readouterr().err
        read: dict[str, Any] = json.loads(capsys.readouterr().out)
        return read

    return run


def means(told: dict[str, Any]) -> dict[str, float]:
    return {name: figure["mean"] for name, figure in told["figures"].items()}


def number(text: str) -> float | None:
    return None if text == "-" else float(text)


class TestTheTable:
    WORDS = (*DIGITS, "--n", "100", "--metrics", "fid,kid,mode-count,copying")

    @pytest.fixture
    def lines(self, capsys: pytest.CaptureFixture[str], nowhere: Path) -> list[str]:
        assert main(["eval", "digits:train", *self.WORDS]) == 0
        return capsys.readouterr().out.splitlines()

    def test_says_what_was_judged_and_how(self, lines: list[str], told: Told) -> None:
        digest = told("digits:train", *self.WORDS)["extractor"]["sha256"]
        assert lines[0] == "digits:train against digits:test (360 images)"
        assert lines[1].startswith(f"100 samples x 3, seed 0, features mnist-cnn {digest[:12]}, cpu, ")

    def test_has_a_row_for_each_figure_with_value_spread_floor_and_meaning(self, lines: list[str], told: Told) -> None:
        figures = told("digits:train", *self.WORDS)["figures"]
        summaries = {each.name: each for entry in registry().metrics().values() for each in entry.spec.figures}
        assert lines[2].split() == ["figure", "value", "+-", "floor", "better", "meaning"]
        rows = {line.split()[0]: line for line in lines[3 : 3 + len(figures)]}
        assert list(rows) == list(figures)
        for name, line in rows.items():
            value, spread, floor = (number(word) for word in line.split()[1:4])
            figure = figures[name]
            assert value == pytest.approx(figure["mean"], rel=1e-3)
            assert spread == pytest.approx(figure["std"], rel=1e-3)
            assert floor == (figure["floor"] and pytest.approx(figure["floor"]["mean"], rel=1e-3))
            assert line.rstrip().endswith(summaries[name].summary)
            assert (f" {summaries[name].better} " in line) == (summaries[name].better is not None)

    def test_tells_the_shares_and_what_the_columns_mean(self, lines: list[str], told: Told) -> None:
        (shares,) = [line.split()[1:] for line in lines if line.startswith("shares")]
        wanted = told("digits:train", *self.WORDS)["shares"]
        assert [float(share.removesuffix("%")) for share in shares] == pytest.approx(
            [100 * share for share in wanted], abs=0.051
        )
        notes = [line for line in lines if line.startswith("note: ")]
        assert "note: +- is the standard deviation over 3 sets of samples" in notes
        assert "note: the floor is that of 100 images of digits:train" in notes
        assert any("takes images of 1 x 28 x 28; converted" in note for note in notes)

    def test_one_repeat_has_the_error_of_the_metric_or_none(self, capsys: pytest.CaptureFixture[str]) -> None:
        words = [*DIGITS, "--n", "100", "--repeats", "1", "--metrics", "fid,kid,is"]
        assert main(["eval", "digits:train", *words]) == 0
        out, err = capsys.readouterr()
        rows = {line.split()[0]: line.split() for line in out.splitlines()[3:6]}
        assert rows["fid"][2] == rows["kid"][2] == "-", "one subset of all samples has no spread"
        assert float(rows["is"][2]) > 0
        assert "the metric's own standard error" in out
        assert "warning: kid: subsets have 100 samples and not the usual 1,000" in err


class TestJson:
    def test_holds_every_value_of_every_repeat(self, runs: Path, told: Told) -> None:
        words = [*DIGITS, "--n", "120", "--repeats", "2", "--seed", "5", "--metrics", "fid,kid,is"]
        found = told(runs / "plain", *words)
        assert (found["samples"], found["repeats"], found["seed"], found["device"]) == (120, 2, 5, "cpu")
        assert (found["against"], found["real_images"]) == ("digits:test", 360)
        assert found["figures"].keys() == {"fid", "kid", "is"}
        for figure in found["figures"].values():
            assert len(figure["values"]) == 2
            assert figure["mean"] == mean(figure["values"])
            assert figure["std"] == stdev(figure["values"])
            assert len(figure["floor"]["values"]) == 2
            assert figure["floor"]["mean"] == mean(figure["floor"]["values"])
        assert found["figures"]["kid"]["standard_error"] is None
        assert found["figures"]["is"]["standard_error"] > 0
        assert found["figures"]["fid"]["standard_error"] is None
        assert sum(found["shares"]) == pytest.approx(1)
        assert any("kid: subsets have 120 samples" in warning for warning in found["warnings"])

    def test_is_what_python_finds(self, runs: Path, told: Told) -> None:
        found = told(runs / "plain", *DIGITS, "--n", "120", "--repeats", "2", "--metrics", "fid,copying")
        settings = {"n": 120, "repeats": 2, "metrics": ["fid", "copying"], "resize": True, "device": "cpu"}
        again = json.loads(json.dumps(ganzoo.evaluate(runs / "plain", **settings).as_dict()))
        for each in (found, again):
            each.pop("seconds")
        assert found == again


class TestOptions:
    def test_a_seed_gives_one_result_and_another_seed_another(self, runs: Path, told: Told) -> None:
        for source in (runs / "plain", "digits:train"):
            words = [*DIGITS, "--n", "100", "--repeats", "2", "--metrics", "fid,precision"]
            one, two, three = (told(source, *words, "--seed", seed)["figures"] for seed in ("1", "1", "2"))
            assert one == two
            assert one["fid"]["values"] != three["fid"]["values"]

    @pytest.mark.parametrize(
        ("given", "figures"),
        [
            ("fid", {"fid"}),
            ("is", {"is"}),
            ("inception-score", {"is"}),
            ("recall", {"precision", "recall"}),
            ("kl, kid", {"kid", "modes", "kl", "least", "most", "confident"}),
            ("ganzoo:fid,fid", {"fid"}),
            ("nn-ratio", {"copying", "nn-ratio"}),
        ],
    )
    def test_metrics_go_by_their_names_and_by_those_of_their_figures(
        self, given: str, figures: set[str], told: Told
    ) -> None:
        assert told("digits:train", *DIGITS, "--n", "60", "--metrics", given)["figures"].keys() == figures

    def test_without_metrics_all_are_taken(self, told: Told) -> None:
        known = {figure.name for entry in registry().metrics().values() for figure in entry.spec.figures}
        assert told("digits:train", *DIGITS, "--n", "60")["figures"].keys() == known

    @pytest.mark.parametrize(
        ("source", "words", "repeats"),
        [
            ("digits:test", ["--n", "100"], 3),
            ("digits:test", ["--n", "150"], 2),
            ("digits:test", ["--n", "360"], 1),
            ("digits:test", ["--n", "90", "--repeats", "4"], 4),
            ("{runs}/plain", ["--n", "100"], 3),
            ("{runs}/plain", ["--n", "100", "--repeats", "5"], 5),
            ("{runs}/plain-samples", ["--n", "120"], 1),
        ],
    )
    def test_repeats(self, runs: Path, source: str, words: list[str], repeats: int, told: Told) -> None:
        found = told(source.format(runs=runs), *DIGITS, *words, "--metrics", "fid")
        assert found["repeats"] == len(found["figures"]["fid"]["values"]) == repeats

    def test_another_extractor(self, told: Told) -> None:
        words = [*DIGITS, "--n", "60", "--metrics", "fid"]
        own, other = told("digits:train", *words), told("digits:train", *words, "--features", "stacked-mnist-cnn")
        assert other["extractor"]["name"] == "stacked-mnist-cnn"
        assert own["extractor"]["sha256"] != other["extractor"]["sha256"]
        assert means(own) != means(other)

    @pytest.mark.parametrize("quiet", [False, True])
    def test_a_terminal_is_told_what_takes_long_unless_it_shall_be_quiet(
        self, quiet: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        screen = io.StringIO()
        monkeypatch.setattr("ganzoo.cli.console.err", Console(file=screen, force_terminal=True, width=80))
        words = [*DIGITS, "--n", "60", "--metrics", "fid", *["--quiet"] * quiet]
        assert main(["eval", "digits:train", *words]) == 0
        warnings, told = [], []
        for line in screen.getvalue().splitlines():
            (warnings if "warning: " in line else told).append(line)
        assert warnings, "60 samples are few, and that is told either way"
        assert ("fid" in "".join(told)) != quiet
        assert (told == []) == quiet


class TestSources:
    @pytest.mark.parametrize(
        ("source", "name"),
        [
            ("{runs}/plain", "{runs}/plain"),
            ("{runs}/plain/generator", "{runs}/plain/generator"),
            ("{runs}/plain/best", "{runs}/plain/best"),
            ("{runs}/plain-samples", "folder:{runs}/plain-samples"),
            ("folder:{runs}/plain-samples", "folder:{runs}/plain-samples"),
            ("{runs}/plain-samples.npz", "{runs}/plain-samples.npz"),
            ("{runs}/plain-samples.npy", "{runs}/plain-samples.npy"),
            ("digits:test", "digits:test"),
            ("digits:all", "digits:all"),
            ("digits", "digits:train"),
        ],
    )
    def test_every_kind(self, runs: Path, nowhere: Path, source: str, name: str, told: Told) -> None:
        found = told(source.format(runs=runs), *DIGITS, "--n", "60", "--repeats", "1", "--metrics", "fid")
        assert found["source"] == name.format(runs=runs)
        assert found["against"] == "digits:test"
        assert found["figures"]["fid"]["mean"] > 0

    @pytest.mark.parametrize("run", ["plain", "labelled"])
    def test_samples_are_judged_alike_wherever_they_lie(self, runs: Path, run: str, told: Told) -> None:
        words = [*DIGITS, "--n", "120", "--repeats", "1", "--seed", "3"]
        drawn, array, folder = (means(told(runs / f"{run}{kind}", *words)) for kind in ("", "-samples.npz", "-samples"))
        # Those of a file are read in another order, and an order decides the subsets of some metrics.
        for name in ("fid", "modes", "kl", "least", "most", "confident", "copying", "nn-ratio"):
            assert drawn[name] == pytest.approx(array[name], rel=1e-6), name
        assert array == pytest.approx(folder, rel=1e-6)

    def test_a_run_is_held_against_its_own_data(self, runs: Path, told: Told) -> None:
        own = [word for word in DIGITS if word not in ("--against", "digits:test")]
        for source in ("plain", "plain/best", "plain/generator"):
            assert told(runs / source, *own, "--n", "60", "--metrics", "fid")["against"] == "digits:test"

    def test_the_best_snapshot_has_the_figures_by_which_it_was_chosen(self, runs: Path, told: Told) -> None:
        kept = json.loads((runs / "plain" / "best" / "generator.json").read_text())["evaluation"]
        found = told(runs / "plain" / "best", *DIGITS, "--n", "120", "--repeats", "1", "--metrics", "fid")
        assert means(found)["fid"] == pytest.approx(kept["figures"]["fid"], rel=1e-9)
        assert found["extractor"]["sha256"] == kept["extractor_sha256"]

    def test_a_moved_generator_needs_nothing_of_its_run(self, runs: Path, tmp_path: Path, told: Told) -> None:
        shutil.copytree(runs / "plain" / "generator", tmp_path / "alone")
        words = [*DIGITS, "--n", "60", "--metrics", "fid"]
        assert means(told(tmp_path / "alone", *words)) == means(told(runs / "plain", *words))

    def test_an_array_tells_how_it_was_read(self, runs: Path, told: Told) -> None:
        found = told(runs / "plain-samples.npz", *DIGITS, "--n", "120", "--metrics", "fid")
        assert "images: uint8 (120, 1, 8, 8), read as (N, C, H, W) in [0, 255]" in found["notes"]

    def test_real_images_may_be_a_folder(self, runs: Path, told: Told) -> None:
        against = f"folder:{runs / 'plain-samples'}"
        words = ["--resize", "--device", "cpu", "--features", "mnist-cnn", "--n", "120", "--metrics", "fid"]
        found = told(runs / "plain-samples.npz", *words, "--against", against)
        assert (found["against"], found["real_images"]) == (f"{against}:train", 120)
        assert means(found)["fid"] == pytest.approx(0, abs=1e-3)
        assert found["figures"]["fid"]["floor"] is None

    def test_brackets_in_a_name_are_no_markup(self, runs: Path, tmp_path: Path, told: Told) -> None:
        odd = tmp_path / "[" / "x]"  # .../[/x], which rich would take for a closing tag
        shutil.copytree(runs / "plain-samples", odd)
        words = ["--resize", "--device", "cpu", "--features", "mnist-cnn", "--n", "60", "--metrics", "fid"]
        assert told(odd, *words, "--against", f"folder:{odd}")["source"] == f"folder:{odd}"
        assert main(["eval", str(odd), *words, "--against", f"folder:{odd}"]) == 0


STRICT = ["--against", "digits:test", "--n", "6"]
SIX = [*DIGITS, "--n", "6"]

REFUSED = {
    # source, words, status, what stderr says
    "another size": ("{bad}/large.npz", STRICT, 2, ["1 x 28 x 28", "1 x 8 x 8", "--resize"]),
    "another size than the extractor's": ("digits", STRICT, 2, ["the extractor mnist-cnn", "1 x 28 x 28", "--resize"]),
    "another number of channels": ("{bad}/colour.npz", STRICT, 2, ["3 x 8 x 8", "1 x 8 x 8", "--resize"]),
    "another size than the run's": ("{runs}/plain", ["--n", "6"], 2, ["1 x 8 x 8", "1 x 28 x 28", "--resize"]),
    "no square": ("{bad}/wide.npz", SIX, 2, ["1 x 8 x 12", "only square images"]),
    "many sizes": ("{bad}/mixed", SIX, 2, ["9 sizes", "0.png is 8 x 8", "one size"]),
    "out of range": ("{bad}/range.npz", SIX, 3, ["range.npz['images']", "float32 from", "[-1, 1]", "clip"]),
    "not a number": ("{bad}/nan.npz", SIX, 3, ["nan.npz['images']", "nan", "not finite"]),
    "no array file": ("{bad}/junk.npz", SIX, 3, ["junk.npz is damaged", "fix: "]),
    "another kind of file": ("{bad}/text.txt", SIX, 3, ["text.txt is neither a folder", "FILE.npz"]),
    "an empty folder": ("{bad}/empty", SIX, 3, ["empty has no images", ".png", "check the path"]),
    "no pictures": ("{bad}/unreadable", SIX, 3, ["0.png cannot be read as an image", "good copy"]),
    "a cut picture": ("{bad}/broken", [*DIGITS, "--n", "9"], 3, ["4.png cannot be read as an image", "good copy"]),
    "too few": ("{bad}/few", [*DIGITS, "--n", "10"], 3, ["few has 9 images", "10 samples", "--n 9 --repeats 1"]),
    "too few by default": ("digits:test", DIGITS, 3, ["360 images", "10,000 samples", "--n 360 --repeats 1"]),
    "too few repeats": ("{bad}/few", [*DIGITS, "--n", "4", "--repeats", "3"], 3, ["3 x 4 samples", "--repeats 2"]),
    "nothing to hold it against": ("{bad}/few", ["--n", "6"], 2, ["folder:", "few", "--against", "mnist:test"]),
    "an array, against nothing": ("{bad}/large.npz", ["--n", "6"], 2, ["large.npz", "--against", "mnist:test"]),
    "an unknown metric": ("digits", [*SIX, "--metrics", "fdi"], 2, ["'fdi'; did you mean 'fid'?", "kid"]),
    "an empty metric": ("digits", [*SIX, "--metrics", "fid,,kid"], 2, ["--metrics 'fid,,kid'", "fid,kid"]),
    "no metric": ("digits", [*SIX, "--metrics", ""], 2, ["--metrics ''", "fid,kid"]),
    "an unknown extractor": (
        *("digits", [*SIX, "--features", "mnist-cn"], 2),
        ["feature extractor 'mnist-cn'; did you mean 'mnist-cnn'?", "inception-v3"],
    ),
    "unknown real images": ("digits", ["--against", "digts:test"], 2, ["'digts'; did you mean 'digits'?", "mnist"]),
    "an unknown split": (
        "digits",
        ["--against", "digits:dev"],
        2,
        ["data set digits has no split 'dev'", "digits:train"],
    ),
    "an unknown split of a source": ("digits:dev", SIX, 2, ["data set digits has no split 'dev'", "digits:test"]),
    "a split that a folder lacks": ("folder:{bad}/few:test", SIX, 2, ["no split 'test'", "few:train"]),
    "no name": ("digits", ["--against", ""], 2, ["unknown data set ''"]),
    "a folder without its prefix": ("digits", ["--against", "{bad}/few"], 2, ["write --against folder:", "few"]),
    "a missing folder": ("digits", ["--against", "folder:{bad}/none"], 3, ["none: there is no such folder"]),
    "no source of that name": ("digts", SIX, 3, ["called 'digts'; did you mean 'digits'?", "RUN", "check the path"]),
    "an empty source": ("", SIX, 3, ["called ''", "RUN", "check the path"]),
    "nobody's home": ("~no-such-user/x", SIX, 3, ["called '~no-such-user/x'", "check the path"]),
    "a name that no file can have": ("x" * 300, SIX, 3, ["cannot be read: File name too long", "check the path"]),
    "a missing array": ("{bad}/none.npz", SIX, 3, ["none.npz does not exist", "check the path"]),
    "a split of nothing": ("digts:train", SIX, 2, ["'digts'; did you mean 'digits'?"]),
    "too few to judge": ("digits", [*DIGITS, "--n", "1"], 2, ["--n", "2"]),
    "no repeat": ("digits", [*SIX, "--repeats", "0"], 2, ["--repeats", "1"]),
    "an unknown option": ("digits", [*SIX, "--metric", "fid"], 2, ["--metric; did you mean --metrics?"]),
    "another device": ("digits", [*SIX, "--device", "cuda:99"], 2, ["cuda:99"]),
}


class TestRefusals:
    @pytest.mark.parametrize("case", REFUSED)
    def test_what_cannot_be_judged_is_told_in_words(
        self, case: str, runs: Path, bad: Path, nowhere: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        source, words, status, messages = REFUSED[case]
        given = [word.format(runs=runs, bad=bad) for word in (source, *words)]
        assert main(["eval", *given]) == status
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("error: ")
        for message in messages:
            assert message in err
        assert "Traceback" not in err

    def test_a_source_is_needed(self, nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["eval", "--against", "digits"]) == 2
        assert "SOURCE" in capsys.readouterr().err

    def test_a_damaged_run_is_told_in_words(
        self, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shutil.copytree(runs / "plain" / "best", tmp_path / "best")
        (tmp_path / "best" / "weights.safetensors").write_bytes(b"junk")
        assert main(["eval", str(tmp_path / "best"), *DIGITS]) == 5
        assert "SHA-256" in capsys.readouterr().err

    @pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
    def test_a_file_that_may_not_be_read(self, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        shutil.copy(runs / "plain-samples.npz", tmp_path / "mine.npz")
        (tmp_path / "mine.npz").chmod(0)
        assert main(["eval", str(tmp_path / "mine.npz"), *DIGITS]) == 3
        assert "mine.npz cannot be read: Permission denied" in capsys.readouterr().err

    def test_too_few_images_are_found_before_anything_is_worked_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ganzoo.api.evaluation.Judge", None)
        with pytest.raises(DataError, match="too few for 2 x 200 samples"):
            ganzoo.evaluate("digits:test", "digits:train", n=200, repeats=2)


class Noise(Samples):
    """Samples of the tests' own: noise, of which there is no end."""

    name = "noise"
    shape = (1, 28, 28)
    size = None

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, int]] = []

    def batches(self, n: int, *, seed: int, repeat: int) -> Iterator[Tensor]:
        self.asked.append((n, seed, repeat))
        rng = torch.Generator().manual_seed(1000 * seed + repeat)
        for part in torch.arange(n).split(25):
            yield torch.randint(256, (len(part), *self.shape), generator=rng, dtype=torch.uint8)


class RealDigits(Samples):
    """All test images of ``digits``."""

    name, shape, size = "the real ones", (1, 8, 8), 360

    def batches(self, n: int, *, seed: int, repeat: int) -> Iterator[Tensor]:
        yield find_source(DataOptions(dataset="digits")).load("test").images[:n]


class Translation(Run):
    """A run of a game that draws nothing from noise."""

    data = DataInfo(name="digits", channels=1, height=8, width=8)
    game = CycleGame()


SETTINGS: dict[str, Any] = {"metrics": ["fid"], "resize": True, "device": "cpu"}


class TestPython:
    def test_a_run_is_judged_as_its_folder_is(self, runs: Path) -> None:
        run = ganzoo.load(runs / "plain")
        as_object, as_path = (ganzoo.evaluate(each, n=60, **SETTINGS) for each in (run, runs / "plain"))
        assert as_object.scores == as_path.scores
        assert (as_object.source, as_object.against) == (str(runs / "plain"), "digits:test")

    @pytest.mark.parametrize("given", [None, Path("elsewhere")])
    def test_real_images_are_looked_for_where_the_run_found_them(
        self, given: Path | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings: dict[str, Any] = {"steps": 1, "net": {"g_widths": (8,), "d_widths": (8,)}, "device": "cpu"}
        run = ganzoo.train("vanilla", dataset="digits", data_dir=tmp_path / "data", out=tmp_path, **settings)
        plans: list[Plan] = []

        def stop(plan: Plan, *args: Any, **more: Any) -> None:
            plans.append(plan)
            raise KeyboardInterrupt

        monkeypatch.setattr("ganzoo.api.evaluation.Judge", stop)
        with pytest.raises(KeyboardInterrupt):
            ganzoo.evaluate(run, data=DataOptions(data_dir=given))
        assert plans[0].data.data_dir == (given or tmp_path / "data")

    def test_samples_of_ones_own(self) -> None:
        noise = Noise()
        found = ganzoo.evaluate(noise, "digits:test", n=60, repeats=2, seed=7, **SETTINGS)
        assert noise.asked == [(60, 7, 0), (60, 7, 1)]
        assert (found.source, found.n, found.repeats) == ("noise", 60, 2)
        assert found.scores["fid"].mean > 10 * max(found.scores["fid"].floor)

    def test_real_images_are_at_no_distance_from_themselves(self) -> None:
        found = ganzoo.evaluate(RealDigits(), "digits:test", n=360, **SETTINGS)
        assert found.scores["fid"].mean == pytest.approx(0, abs=1e-3)
        with pytest.raises(DataError, match="the real ones has 360 images, too few for 361"):
            ganzoo.evaluate(RealDigits(), "digits:test", n=361, **SETTINGS)

    def test_what_is_asked_may_be_a_plan(self) -> None:
        plan = make_plan("digits:train", metrics=["kid"])
        found = ganzoo.evaluate("digits:test", replace(plan, samples=60), resize=True, device="cpu")
        assert found.n == 60
        assert (found.against, found.scores.keys()) == ("digits:train", {"kid"})

    def test_own_samples_need_something_to_be_held_against(self) -> None:
        with pytest.raises(ConfigError, match="nothing is named to hold noise against"):
            ganzoo.evaluate(Noise())

    def test_a_translation_draws_nothing_from_noise(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="translates images, so it draws nothing from noise"):
            ganzoo.evaluate(Translation(tmp_path), "digits:test")

    def test_it_tells_what_takes_long(self) -> None:
        heard: list[str] = []
        ganzoo.evaluate("digits:test", "digits:train", n=60, repeats=2, say=heard.append, **SETTINGS)
        assert [each for each in heard if each.startswith("samples")] == ["samples, 1 of 2", "samples, 2 of 2"]

    @pytest.mark.parametrize("setting", [{"n": 1}, {"n": -3}, {"n": 0, "repeats": 2}, {"repeats": 0}])
    def test_numbers_out_of_range(self, setting: dict[str, int]) -> None:
        with pytest.raises(ConfigError, match="must be at least"):
            ganzoo.evaluate("digits:test", "digits:train", **{"n": 60, **setting}, **SETTINGS)
