"""The examples in docs/data.md run, and its tables tell the truth."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ganzoo.data import DataOptions
from ganzoo.data.catalog import find_source

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ROWS = re.findall(r"^\| `([\w-]+)`[^|]*\| ([\d,]+) \+ ([\d,]+) (grey|colour), (\d+) x (\d+)[^|]*\| (\d+) ", PAGE, re.M)


@pytest.mark.parametrize("code", EXAMPLES)
def test_examples_run(code: str) -> None:
    exec(compile(code, "docs/data.md", "exec"), {"__name__": "example"})


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_table_agrees_with_the_code(row: tuple[str, ...]) -> None:
    name, train, test, colour, height, width, classes = row
    info = find_source(DataOptions(dataset=name)).info
    assert [f"{info.count('train'):,}", f"{info.count('test'):,}"] == [train, test]
    assert (info.channels == 1) == (colour == "grey")
    assert (str(info.height), str(info.width), str(len(info.classes))) == (height, width, classes)


def test_all_were_found() -> None:
    assert len(EXAMPLES) == 4
    assert len(ROWS) == 8
