"""The file format: what is written is read again, what is no result is refused by name, and the schema is published."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toys.results import contender, contest, result, training, zoo

from ganzoo.bench.result import read_result, schema, write_result
from ganzoo.errors import ConfigError

SCHEMA = Path(__file__).parents[2] / "docs" / "bench-schema.json"


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    whole = zoo()
    write_result(tmp_path / "new" / "results.json", whole)
    assert read_result(tmp_path / "new" / "results.json") == whole


def test_the_file_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_result(tmp_path / name, zoo())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_the_file_says_what_it_is_and_holds_no_nulls(tmp_path: Path) -> None:
    write_result(tmp_path / "results.json", result(contests=[contest(contender())], trainings=[training()]))
    raw = json.loads((tmp_path / "results.json").read_text())
    assert (raw["format"], raw["version"]) == ("ganzoo-bench", 1)
    assert "times_as_fast_as_plain" not in raw["contests"][0]["contenders"][0]


def test_the_figures_of_a_point_stand_beside_its_fields(tmp_path: Path) -> None:
    write_result(tmp_path / "results.json", result(trainings=[training(fids=(40.0,))]))
    point = read_result(tmp_path / "results.json").trainings[0].curve[0]
    assert (point.figure("fid"), point.figure("kid")) == (40.0, None)


def test_the_published_schema_is_that_of_the_models() -> None:
    """Where this fails, write docs/bench-schema.json anew with ``ganzoo.durable.to_json(schema())``."""
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == schema()


def _set(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda raw: raw.update(values)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_set(version=2), "version 2"),
        (_set(format="something else"), "no result of ganzoo bench"),
        (lambda raw: raw.pop("format"), "no result of ganzoo bench"),
        (_set(colour="red"), "'colour'"),
        (lambda raw: raw["contests"][0]["contenders"][0].update(images_per_secnd=1.0), "images_per_secnd"),
        (lambda raw: raw["contests"][0].pop("device"), "contests"),
        (_set(started=None), "started"),
    ],
)
def test_what_does_not_follow_the_format_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    path = tmp_path / "results.json"
    write_result(path, result(contests=[contest(contender())]))
    raw = json.loads(path.read_text())
    change(raw)
    path.write_text(json.dumps(raw))
    refused(path, said)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe{}", b"", b"[1, 2]"])
def test_what_is_no_result_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "results.json").write_bytes(content)
    refused(tmp_path / "results.json", "is no")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "results.json", "No such file")
    refused(tmp_path, "cannot read")


def refused(path: Path, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_result(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)
