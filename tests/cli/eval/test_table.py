"""The table and the JSON that `ganzoo eval` prints, and the options that change them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from statistics import mean, stdev

import pytest
from rich.console import Console
from toys.judged import DIGITS, Told, means, number

import ganzoo
from ganzoo.cli.main import main
from ganzoo.registry import registry


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
