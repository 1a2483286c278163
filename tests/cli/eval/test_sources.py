"""What `ganzoo eval` takes as a source, and what it refuses."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from toys.judged import DIGITS, Told, means

import ganzoo
from ganzoo.cli.main import main
from ganzoo.errors import DataError


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

    def test_a_data_sets_own_extractor_converts_without_being_asked(self, runs: Path, told: Told) -> None:
        words = ["--device", "cpu", "--n", "60", "--repeats", "1", "--metrics", "fid"]
        found = told(runs / "plain", *words)
        assert means(found) == means(told(runs / "plain", *words, "--resize"))
        assert any("takes images of 1 x 28 x 28; converted" in note for note in found["notes"])
        assert "mnist-cnn sees the images in a black border of 5 pixels" in found["notes"]
        assert found["extractor"]["border"] == 5

    def test_a_run_that_has_seen_the_real_images_says_so(self, runs: Path, told: Told) -> None:
        words = ["--device", "cpu", "--n", "60", "--repeats", "1", "--metrics", "fid"]
        note = "the run was trained on the images that it is held against"
        assert note in told(runs / "plain", *words, "--against", "digits:train")["notes"]
        assert note not in told(runs / "plain", *words)["notes"]

    def test_the_best_snapshot_has_the_figures_by_which_it_was_chosen(self, runs: Path, told: Told) -> None:
        kept = json.loads((runs / "plain" / "best" / "generator.json").read_text())["evaluation"]
        found = told(runs / "plain" / "best", *DIGITS, "--n", "120", "--repeats", "1", "--metrics", "fid")
        assert means(found)["fid"] == pytest.approx(kept["figures"]["fid"], rel=1e-9)
        assert found["extractor"]["sha256"] == kept["extractor_sha256"]

    def test_a_run_that_is_damaged_is_told_with_the_way_out(
        self, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = [*DIGITS, "--n", "60", "--metrics", "fid"]
        run = shutil.copytree(runs / "plain", tmp_path / "run")
        weights = run / "generator" / "weights.safetensors"
        for content in (None, b"damaged"):
            weights.unlink(missing_ok=True) if content is None else weights.write_bytes(content)
            assert main(["eval", str(run), *words]) == 5
            assert f"or write it anew: ganzoo run --resume {run}" in capsys.readouterr().err
        assert main(["run", "--resume", str(run), "--quiet"]) == 0
        assert main(["eval", str(run), *words, "--repeats", "1"]) == 0
        shutil.rmtree(run / "best")
        assert main(["eval", str(run / "best"), *words]) == 3
        assert f"the run {run} kept no best snapshot\n  fix: train with --eval-every" in capsys.readouterr().err
        (run / "config.toml").write_text("garbage = [")
        assert main(["eval", str(run / "generator"), *words, "--repeats", "1"]) == 0
        shutil.rmtree(run / "generator")
        assert main(["eval", str(run), *words]) == 2
        assert "config.toml is no TOML" in capsys.readouterr().err

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
    "another size than an extractor's": (
        "{bad}/few",
        ["--against", "folder:{bad}/few", "--features", "mnist-cnn", "--n", "6"],
        2,
        ["the extractor mnist-cnn", "1 x 28 x 28", "--resize"],
    ),
    "another number of channels": ("{bad}/colour.npz", STRICT, 2, ["3 x 8 x 8", "1 x 8 x 8", "--resize"]),
    "no square": ("{bad}/wide.npz", SIX, 2, ["1 x 8 x 12", "only square images"]),
    "no square, and no conversion": ("{bad}/wide.npz", STRICT, 2, ["1 x 8 x 12", "only square images"]),
    "too few real images": (
        "digits",
        ["--against", "folder:{bad}/three", "--features", "mnist-cnn", "--resize", "--n", "9", "--metrics", "recall"],
        2,
        ["precision-recall needs at least 4 real images, and folder:", "three:train has 3", "more images"],
    ),
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
    "copies among no training images": (
        "digits:test",
        ["--against", "digits:train", "--n", "9", "--metrics", "fid,copying"],
        2,
        ["memorisation compares with training images", "a split that was not trained on"],
    ),
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
    "an array as real images": ("digits", ["--against", "{bad}/few.npy"], 2, ["few.npy: an array file", "folder:PATH"]),
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
