"""``ganzoo compare`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toys.results import ENVIRONMENT, contender, contest, result, training

from ganzoo.bench.result import Result, write_result
from ganzoo.cli.main import main


def _result(own: float = 0.5, *, cpu: str = "Example 9000", distribution: str | None = None) -> Result:
    plain = contender(kind="plain")
    return result(
        contests=[contest(plain, contender(seconds=(own,) * 10, distribution=distribution))],
        trainings=[training()],
        environment={**ENVIRONMENT, "cpu": cpu},
    )


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Results, and files that are none."""
    write_result(tmp_path / "a.json", _result())
    write_result(tmp_path / "b.json", _result(0.6, cpu="[/bold] 7", distribution="somebodys-gans"))
    write_result(tmp_path / "other.json", result(contests=[contest(contender("vanilla"))]))
    (tmp_path / "text.json").write_text("no JSON")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    (tmp_path / "list.json").write_text("[]")
    raw = json.loads((tmp_path / "a.json").read_text())
    for name, change in {"version": {"version": 2}, "key": {"surprise": 1}, "kind": {"contests": 3}}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({**raw, **change}))
    raw["contests"][0]["contenders"][1]["blocks"] = []
    (tmp_path / "empty.json").write_text(json.dumps(raw))
    return tmp_path


def test_a_table(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(files / "a.json"), str(files / "b.json")]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[2].startswith(
        "same machine? no (CPU: Example 9000 in A, [/bold] 7 in B; B was measured on more than one"
    )
    assert lines[3] == "same software? yes"
    assert lines[4].startswith("same config? no (dcgan / dcgan (somebodys-gans) fp32 eager")
    (row,) = (line for line in lines if "0.833" in line)
    assert row.rstrip().endswith("slower")
    assert "ratio to the plain loop" in row
    assert "1 seed" in out


def test_json(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(files / "a.json"), str(files / "a.json"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["same"] == {"machine": True, "software": True, "config": True}
    assert [each["verdict"] for each in told["cells"]] == ["no difference shown"] * 2
    assert told["a"] == str(files / "a.json")


REFUSED = {
    # the second file, what stderr says
    "a missing file": ("none.json", ["cannot read the result", "none.json", "No such file"]),
    "a folder": ("", ["cannot read the result", "directory"]),
    "no JSON": ("text.json", ["text.json is no JSON"]),
    "no text": ("bytes.json", ["bytes.json is no JSON"]),
    "another kind of JSON": ("list.json", ["list.json is no result of ganzoo bench", "fix: "]),
    "another version": ("version.json", ["version.json has version 2", "reads 1"]),
    "an unknown key": ("key.json", ["surprise"]),
    "another type": ("kind.json", ["contests"]),
    "no blocks": ("empty.json", ["in B has no blocks", "fix: measure it again"]),
    "nothing in common": ("other.json", ["nothing in common", "A has: dcgan", "B has: vanilla fp32 eager", "fix: "]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_compared_is_told_in_words(case: str, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, messages = REFUSED[case]
    assert main(["compare", str(files / "a.json"), str(files / name)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    for message in messages:
        assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize("words", [[], ["a.json"], ["a.json", "b.json", "c.json"]])
def test_two_files_are_needed(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err
    assert "Traceback" not in err
