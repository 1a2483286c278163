"""Where files are looked for, and what is said when they are nowhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ganzoo.data import DataOptions, locate
from ganzoo.data.idx import IdxSource
from ganzoo.errors import DataCorruptError, DataNotFoundError


def copy(data_dir: Path, to: Path) -> Path:
    shutil.copytree(data_dir, to)
    return to


def test_the_order_is_data_dir_then_variable_then_cache(
    data_dir: Path, tiny: type[IdxSource], tmp_path: Path, nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable, cache = copy(data_dir, tmp_path / "variable"), copy(data_dir, nowhere)
    monkeypatch.setenv("GANZOO_DATA", str(variable))
    assert locate.find(tiny.files, data_dir) == data_dir
    assert locate.find(tiny.files, tmp_path / "empty") == variable
    assert locate.find(tiny.files, None) == variable
    monkeypatch.setenv("GANZOO_DATA", "")
    assert locate.find(tiny.files, None) == cache


def test_a_place_that_lacks_a_file_is_passed_over(data_dir: Path, tiny: type[IdxSource], nowhere: Path) -> None:
    cache = copy(data_dir, nowhere)
    (data_dir / tiny.files[2].path).unlink()
    assert locate.find(tiny.files, data_dir) == cache


def test_a_corrupt_file_is_an_error_although_a_later_place_has_a_good_one(
    data_dir: Path, tiny: type[IdxSource], nowhere: Path
) -> None:
    copy(data_dir, nowhere)
    path = data_dir / tiny.files[0].path
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(DataCorruptError, match=str(path)):
        tiny(DataOptions(dataset="tiny", data_dir=data_dir)).load("train")


def test_a_split_needs_its_own_files_only(data_dir: Path, tiny: type[IdxSource]) -> None:
    (data_dir / tiny.files[2].path).unlink()
    source = tiny(DataOptions(dataset="tiny", data_dir=data_dir, download=False))
    assert len(source.load("train")) == 30
    with pytest.raises(DataNotFoundError):
        source.load("test")


def test_the_error_names_each_place_and_the_ways_to_go_on(
    data_dir: Path, tiny: type[IdxSource], nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data_dir / tiny.files[0].path).unlink()
    monkeypatch.setenv("GANZOO_DATA", "/no/such/folder")
    with pytest.raises(DataNotFoundError) as caught:
        tiny(DataOptions(dataset="tiny", data_dir=data_dir, download=False)).load("train")
    message = str(caught.value)
    assert f"--data-dir {data_dir}: lacks Tiny/raw/train-images-idx3-ubyte\n" in message
    assert "GANZOO_DATA /no/such/folder: does not exist" in message
    assert f"cache {nowhere}" in message
    assert "download: turned off" in message
    for way in ("--data-dir DIR", "GANZOO_DATA=DIR", "ganzoo data download tiny", "--dataset digits"):
        assert way in message
    assert "DIR/Tiny/raw/train-images-idx3-ubyte" in message


def test_verify_proves_all_splits_and_does_not_download(data_dir: Path, tiny: type[IdxSource]) -> None:
    source = tiny(DataOptions(dataset="tiny", data_dir=data_dir))
    report = source.verify()
    assert [file.path.name[:5] for file in report.files] == ["train", "train", "t10k-", "t10k-"]
    assert report.evidence == ("checksum",)
    assert report.size == 42 * 784 + 2 * 16 + 42 + 2 * 8
    (data_dir / tiny.files[3].path).unlink()
    with pytest.raises(DataNotFoundError, match="not tried"):
        source.verify()


def test_a_tilde_stands_for_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("GANZOO_DATA", "~/data")
    assert [place.root for place in locate.places(Path("~/mine"))][:2] == [
        Path("/home/somebody/mine"),
        Path("/home/somebody/data"),
    ]
