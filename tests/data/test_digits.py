"""The data set in the package."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganzoo.data import DataOptions, digits
from ganzoo.data.digits import Digits
from ganzoo.errors import DataCorruptError

OPTIONS = DataOptions(dataset="digits")


def test_the_splits_are_whole() -> None:
    train, test = Digits(OPTIONS).load("train"), Digits(OPTIONS).load("test")
    assert (len(train), len(test)) == (1437, 360)
    assert Digits(OPTIONS).info.sizes == (("train", 1437), ("test", 360))
    assert train.images.shape[1:] == (1, 8, 8)


@pytest.mark.parametrize("split", ["train", "test"])
def test_each_digit_is_about_as_frequent(split: str) -> None:
    labels = Digits(OPTIONS).load(split).labels  # type: ignore[arg-type]
    assert labels is not None
    shares = labels.bincount(minlength=10) / len(labels)
    assert shares.min() > 0.09
    assert shares.max() < 0.11


def test_levels_are_spread_over_the_whole_range() -> None:
    images = Digits(OPTIONS).load("all").images
    assert images.unique().tolist() == [round(level * 255 / 16) for level in range(17)]


def test_they_are_the_digits_of_scikit_learn() -> None:
    bunch = pytest.importorskip("sklearn.datasets").load_digits()
    ours = Digits(OPTIONS).load("all")
    assert ours.labels is not None
    assert ours.labels.tolist() == bunch.target.tolist()
    levels = (ours.images[:, 0].double() * 16 / 255).round()
    assert torch.equal(levels, torch.from_numpy(bunch.images))


def test_the_file_is_small_and_proven() -> None:
    report = Digits(OPTIONS).verify()
    assert report.evidence == ("checksum",)
    assert report.size < 50_000


def test_the_licence_stands_beside_it() -> None:
    notice = (digits.FOLDER / "NOTICE").read_text()
    assert "Alpaydin" in notice
    assert "CC BY 4.0" in notice


def test_a_changed_byte_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray((digits.FOLDER / "digits.npz").read_bytes())
    content[1000] ^= 1
    (tmp_path / "digits.npz").write_bytes(content)
    monkeypatch.setattr(digits, "FOLDER", tmp_path)
    with pytest.raises(DataCorruptError, match=r"digits\.npz is corrupt"):
        Digits(OPTIONS).load("train")
