"""Runs to judge, sources with something wrong in them, and what `ganzoo eval --json` says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image
from toys.judged import JUDGED, TINY, Told

from ganzoo.cli.main import main


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
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
    for name, side, count in (("few", 8, 9), ("mixed", 8, 9), ("broken", 8, 9), ("three", 8, 3)):
        (top / name).mkdir()
        for index in range(count):
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
