"""The benchmark of scale: messages for bad input, its order, and the record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ganzoo.errors import ConfigError, DataError

from .conftest import BENCHMARKS, load

scale = load("scale")
QUICK = ["--batch-size", "8", "--log-every", "5", "--dataset", "digits", "--repeats", "1", "--images", "40", "80"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--images", "0"], "'0' is no whole number from 1 on"),
        (["--files", "many"], "'many' is no whole number from 1 on"),
        (["--workers", "-1"], "'-1' is no whole number from 0 on"),
        (["--limit-minutes", "nan"], "'nan' is no number above 0"),
    ],
)
def test_a_bad_option_is_named_with_what_it_may_be(words: list[str], message: str, capsys) -> None:
    with pytest.raises(SystemExit) as error:
        scale.main(words)
    assert error.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--images", "10000"], "--images 10000 is a single mark"),
        (["--images", "10000", "15000"], "closer than 10,000 images"),
        (["--variant", "vanila"], "did you mean 'vanilla'?"),
        (["--device", "cuda:99"], "cuda:99 is not on this machine"),
        (["--engine", "steam"], "engine"),
        (["--allocator", "steam"], "allocator"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(
    words: list[str], message: str, tmp_path: Path, capsys
) -> None:
    out = tmp_path / "scale.json"
    assert scale.main([*words, "--out", str(out)]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


class Inline:
    """Stands for a pool of processes, and runs in this one."""

    def __init__(self, *args: Any, **more: Any) -> None:
        pass

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def submit(self, function: Any, *args: Any) -> Any:
        return SimpleNamespace(result=lambda: function(*args))


def stand_in(monkeypatch: pytest.MonkeyPatch, function: Any) -> None:
    """Let ``function`` stand for a measurement."""
    monkeypatch.setattr(scale, "ProcessPoolExecutor", Inline)
    monkeypatch.setattr(scale, "measure", function)


def test_a_training_that_fails_is_recorded_and_the_others_go_on(tmp_path: Path, monkeypatch) -> None:
    def broken(*args: Any) -> dict[str, Any]:
        raise DataError("no such disk")

    stand_in(monkeypatch, broken)
    out = tmp_path / "scale.json"
    assert scale.main([*QUICK, "--files", "10", "20", "--out", str(out)]) == 1
    record = json.loads(out.read_text())
    assert [case["failed"] for case in record["cases"]] == ["DataError: no such disk"] * 6
    assert not any(check["passed"] for check in record["checks"])


def test_what_can_never_be_trained_ends_it(tmp_path: Path, monkeypatch, capsys) -> None:
    def refused(*args: Any) -> dict[str, Any]:
        raise ConfigError("a critic of energies on scores")

    stand_in(monkeypatch, refused)
    assert scale.main([*QUICK, "--out", str(tmp_path / "scale.json")]) == 2
    assert "a critic of energies" in capsys.readouterr().err


def test_nothing_is_begun_after_the_time_is_over(tmp_path: Path, monkeypatch, capsys) -> None:
    stand_in(monkeypatch, lambda *args: pytest.fail("began"))
    out = tmp_path / "scale.json"
    assert scale.main([*QUICK, "--files", "10", "--limit-minutes", "1e-9", "--out", str(out)]) == 1
    assert {case["failed"] for case in json.loads(out.read_text())["cases"]} == {"the time was over"}
    assert "the time was over" in capsys.readouterr().out


def test_the_rounds_go_through_the_folders_forwards_and_backwards(tmp_path: Path) -> None:
    words = ["--files", "20", "10", "--workers", "2", "0", "--repeats", "2"]
    cases = list(scale.Scale(scale.parse([*QUICK, *words])).cases(tmp_path))
    assert [case.kind for case in cases[:2]] == ["length", "resident"]
    order = [(case.files, case.workers) for case in cases[2:]]
    assert order[:4] == order[:3:-1] == [(10, 0), (10, 2), (20, 0), (20, 2)]


def test_the_record_does_not_say_where_files_lie_nor_does_the_digest_depend_on_it(tmp_path: Path) -> None:
    facts = []
    for name in ("one", "two"):
        words = ["--files", "10", "--data-dir", str(tmp_path / name)]
        cases = list(scale.Scale(scale.parse([*QUICK, *words])).cases(tmp_path / name))
        facts.append([case.facts() for case in cases])
    assert facts[0] == facts[1]
    assert str(tmp_path) not in json.dumps(facts)


@pytest.mark.slow
def test_a_tiny_benchmark_from_end_to_end(tmp_path: Path) -> None:
    out, keep = tmp_path / "deep" / "scale.json", tmp_path / "kept"
    words = [*QUICK, "--files", "50", "--workers", "1", "--keep", str(keep), "--out", str(out)]
    command = [sys.executable, str(BENCHMARKS / "scale.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "120"})
    assert done.returncode in (0, 1), done.stderr
    assert "limit" in done.stdout
    record = json.loads(out.read_text())
    assert str(tmp_path) not in out.read_text()
    assert [case["kind"] for case in record["cases"]] == ["length", "resident", "folder"]
    assert [case["storage"] for case in record["cases"]] == ["device", "device", "stream"]
    longest, _, folder = record["cases"]
    assert [each["images"] for each in longest["marks"]] == [40, 80]
    assert longest["windows"]["images"] == [40, 80]
    assert len(folder["marks"][-1]["workers_bytes"]) == 1
    assert folder["opened"]["seconds"] > 0
    assert all(check["value"] is not None for check in record["checks"])
    assert sorted(path.name for path in keep.iterdir()) == ["50-files"]
