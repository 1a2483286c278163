"""What the observer writes beside a run, and beside one that goes on."""

from __future__ import annotations

import csv
from pathlib import Path

import ganzoo
from ganzoo import api

from ganzoo_csv.observer import COLUMNS, FILE, CSVLines


def steps(path: Path) -> list[int]:
    with (path / FILE).open(newline="") as file:
        head, *lines = csv.reader(file)
    assert tuple(head) == COLUMNS
    return [int(line[0]) for line in lines if line[3] == "d/real"]


def train(out: Path) -> Path:
    run = ganzoo.train("vanilla", dataset="digits", steps=6, log_every=2, threads=1, out=out, observers=[CSVLines()])
    return run.path


def test_every_measurement_is_a_line(tmp_path: Path) -> None:
    assert steps(train(tmp_path)) == [2, 4, 6]


def test_a_run_that_goes_on_has_one_table(tmp_path: Path) -> None:
    path = train(tmp_path)
    before = api.load_config(path)
    longer = before.model_copy(update={"training": before.training.model_copy(update={"steps": 8})})
    api.resume(path, longer, observers=[CSVLines()])
    assert steps(path) == [2, 4, 6, 8]
