"""The tables of docs/performance.md are those of the committed files, and the renderers tell all that the files do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from toys.scripts import load

ROOT = Path(__file__).parents[1]


page = load("performance_page")

LOAD = {"before": [0.5, 0.4, 0.3], "after": [1.25, 1.0, 0.9]}
FIGURE = {"median": 2.5, "low": 2.41, "high": 2.584}
HEADING = {
    "started": "2026-01-02T03:04:05+00:00",
    "git": {"commit": "0123456789abcdef", "changed": False},
    "asked": {"threads": 1, "blocks": 10, "seconds": 1.0, "batch_size": 64},
    "environment": {"cpu": "A Processor", "cores": 2},
    "torch": "2.14.1",
}


@pytest.fixture
def text() -> str:
    """The page; it exists, so all that it shows must have a file."""
    if not page.PAGE.is_file():
        pytest.skip("there is no docs/performance.md")
    text = page.PAGE.read_text(encoding="utf-8")
    names = [name for name in page.places(text) if name in page.RENDERERS]
    missing = [name for name in names if not (page.RESULTS / f"{name}.json").is_file()]
    if missing:
        pytest.fail(f"docs/performance.md shows what benchmarks/results/ does not hold: {', '.join(missing)}")
    return text


def test_the_page_holds_what_the_files_say(text: str) -> None:
    assert page.rendered(text, page.RESULTS) == (text, [])


def contender(name: str, rate: float, figure: dict[str, float] | None = FIGURE, **more: Any) -> dict[str, Any]:
    """A contender's record, as far as it is shown."""
    return {"name": name, "images_per_second": rate, "times_as_fast_as_plain": figure, "finite": True, **more}


def race_record() -> dict[str, Any]:
    """A race in which one contest failed and a contender was refused."""
    gate = {"choice": {"parity": {"exact": False, "error": 0.0123, "allowed": 0.05}}}
    raced = [contender("plain", 1000.2, None), contender("ganzoo fp32 eager", 2500.4)]
    compiled = [*raced, contender("ganzoo fp32 compile", 3000, **gate)]
    contests = [
        {"case": "vanilla", "batch_size": 64, "contenders": compiled, "refused": {}},
        {"case": "began", "batch_size": 64, "contenders": raced, "refused": {"ganzoo fp32 compile": "no compiler"}},
        {"case": "vanilla", "batch_size": 256, "failed": "MemoryError: too large"},
    ]
    return {**HEADING, "contests": [{**each, "load_average": LOAD} for each in contests]}


def test_a_race_is_a_table_for_each_batch_size_and_tells_what_did_not_run() -> None:
    shown = page.race(race_record())
    assert "| case | plain | ganzoo fp32 eager | ganzoo fp32 compile |" in shown
    speeds = "2,500 (**2.50**, 2.41 to 2.58)"
    assert f"| vanilla | 1,000 | {speeds} | 3,000 (**2.50**, 2.41 to 2.58) |" in shown
    assert f"| began | 1,000 | {speeds} | - |" in shown
    assert "- began, batch 64, ganzoo fp32 compile did not run: no compiler" in shown
    assert "- vanilla, batch 256 failed: MemoryError: too large" in shown
    assert "Gate of vanilla, batch 64: ganzoo fp32 compile 0.012 of 0.05 allowed" in shown
    assert "A Processor (2 cores), 1 thread, torch 2.14.1, 10 blocks of about 1 s, load 0.5 to 1.25, commit" in shown


def test_an_aim_stands_beside_its_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "AIMS", {})
    assert "aim" not in page.race(race_record())
    monkeypatch.setitem(page.AIMS, "vanilla", 2.0)
    shown = page.race(race_record())
    assert "| ganzoo fp32 compile | aim |" in shown
    assert "2.41 to 2.58) | 2 |" in shown
    assert "| - | - |" in shown


def test_a_gpu_has_aims_of_its_own_at_batch_64() -> None:
    record = race_record()
    record["environment"] = {**HEADING["environment"], "gpu": "A GPU"}
    shown = page.race(record)
    assert "2.41 to 2.58) | 25 |" in shown
    assert "Measured on A GPU, A Processor (2 cores)" in shown
    for contest in record["contests"]:
        contest["batch_size"] = 1024
    assert "aim" not in page.race(record)


def test_weights_that_broke_are_told() -> None:
    record = race_record()
    record["contests"][0]["contenders"][1]["finite"] = False
    assert "2,500 (weights not finite)" in page.race(record)


def test_an_ablation_is_a_row_for_each_part_and_no_part_is_lost() -> None:
    pair = {"name": "bf16", "instead": "float32", "times_as_fast": FIGURE}
    skipped = {"name": "compile", "instead": "eager", "reason": "no compiler"}
    failed = {"name": "bf16", "instead": "float32", "failed": "RuntimeError: broke"}
    cases = [
        {"case": "vanilla", "pairs": [pair], "skipped": [skipped], "load_average": LOAD},
        {"case": "dcgan", "pairs": [failed], "skipped": [skipped], "load_average": LOAD},
    ]
    full = {"engine": "eager", "precision": "bf16", "allocator": "keep"}
    shown = page.ablation({**HEADING, "full": full, "cases": cases})
    assert "| bf16 | float32 | **2.50**, 2.41 to 2.58 | - |" in shown
    assert "| compile | eager | - | - |" in shown
    for line in ("vanilla, compile: no compiler", "dcgan, compile: no compiler", "dcgan, bf16: RuntimeError: broke"):
        assert f"- {line}" in shown


def test_limits_show_the_share_that_is_reached() -> None:
    case = {
        "case": "dcgan",
        "flops": {"bf16": 18_340_000_000},
        "bytes": {"adam": 3_000_000, "ema": 1_000_000},
        "operators": 1333,
        "peaks": {"fp32": 31e9, "bf16": None, "bandwidth": 19.75e9},
        "limit_seconds": {"arithmetic": 0.1, "memory": 0.02, "both": 0.12},
        "seconds": 0.24,
        "share": 0.5,
        "load_average": LOAD,
    }
    failed = {"case": "began", "failed": "MemoryError: none left"}
    shown = page.limits({**HEADING, "precision": "bf16", "cases": [case, failed]})
    row = "| dcgan | 18.34 | 0.00 | 4 | 1,333 | -, 31 | 19.8 | 120.0 (100.0 + 20.0) | 240.0 | **50%** |"
    assert row in shown
    assert "- began: MemoryError: none left" in shown
    assert "One iteration in the eager engine, batch 64, bf16." in shown


def test_limits_of_a_gpu_show_its_kernels_and_tensorfloat() -> None:
    case = {
        "case": "dcgan",
        "flops": {"bf16": 18_340_000_000},
        "bytes": {"adam": 3_000_000},
        "operators": 1333,
        "peaks": {"fp32": 400e12, "bf16": 800e12, "bandwidth": 4e12},
        "limit_seconds": {"arithmetic": 0.00002, "memory": 0.000145, "both": 0.000165},
        "kernels": {"number": 208.0, "seconds": 0.00085},
        "seconds": 0.00093,
        "share": 0.18,
        "load_average": LOAD,
    }
    heading = {**HEADING, "asked": {**HEADING["asked"], "engine": "graph+compile"}}
    heading["environment"] = {**HEADING["environment"], "gpu": "A GPU"}
    shown = page.limits({**heading, "precision": "bf16", "cases": [case]})
    assert "GFLOP tf32 | MB | operators | peak GFLOP/s bf16, tf32 | GB/s | limit ms (arithmetic + memory) |" in shown
    assert "| kernels, ms | measured ms |" in shown
    assert "| 800,000, 400,000 | 4000.0 | 0.165 (0.02 + 0.145) | 208, 0.85 | 0.93 | **18%** |" in shown
    assert "One iteration in the graph+compile engine, batch 64, bf16." in shown


def test_scale_shows_marks_and_verdict_and_bears_with_what_is_missing() -> None:
    marks = [{"images": 10_000, "peak_bytes": 2**20}, {"images": 1_000_000, "peak_bytes": 2**21, "later": 1}]
    checks = [
        {"what": "growth", "value": 0.5, "limit": 8.0, "unit": "MiB", "passed": True},
        {"what": "time", "value": 9.0, "limit": 5.0, "unit": "%", "passed": False},
        {"what": "files", "value": None, "limit": 5.0, "unit": "%", "passed": False},
    ]
    cases = [{"kind": "length", "marks": marks}, {"kind": "folder", "files": 1000, "failed": "the time was over"}]
    shown = page.scale({**HEADING, "cases": cases, "checks": checks})
    assert "| images | peak MiB |" in shown
    assert "| 1,000,000 | 2.0 |" in shown
    assert "| growth | 0.50 MiB | 8 | flat |" in shown
    assert "| time | 9.00 % | 5 | **not flat** |" in shown
    assert "| files | not measured | 5 | open |" in shown
    assert "folder 1000: the time was over" in shown
    assert page.scale({}).startswith("Measured on")


def test_a_place_is_filled_anew_and_those_of_others_are_left(tmp_path: Path) -> None:
    (tmp_path / "race-cpu.json").write_text(json.dumps(race_record()), encoding="utf-8")
    text = "".join(f"<!-- {name} -->\nold\n<!-- /{name} -->\n\n" for name in ("race-cpu", "limits-cpu", "other"))
    once, missing = page.rendered(text, tmp_path)
    assert missing == ["limits-cpu.json"]
    assert once.count("old") == 2
    assert page.race(race_record()) in once
    assert page.rendered(once, tmp_path)[0] == once


def test_a_place_that_does_not_end_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for race-cpu"):
        page.filled("<!-- race-cpu -->\n<!-- /limits-cpu -->", "race-cpu", "body")


def test_check_writes_nothing_and_fails_where_the_page_is_old(tmp_path, monkeypatch, capsys) -> None:
    old = "<!-- race-cpu -->\n<!-- /race-cpu -->\n"
    (tmp_path / "page.md").write_text(old, encoding="utf-8")
    (tmp_path / "race-cpu.json").write_text(json.dumps(race_record()), encoding="utf-8")
    monkeypatch.setattr(page, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(page, "RESULTS", tmp_path)
    assert page.main(["--check"]) == 1
    assert "out of date" in capsys.readouterr().err
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == old
    assert page.main([]) == 0
    assert page.main(["--check"]) == 0
