"""CIFAR-10, SVHN and USPS, read by torchvision from files of the tests' making."""

from __future__ import annotations

import bz2
import hashlib
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ganzoo.data import DataOptions, vision
from ganzoo.data.files import FileSource
from ganzoo.data.vision import CIFAR10, SVHN, USPS
from ganzoo.errors import DataCorruptError, MissingExtraError

pytestmark = pytest.mark.slow  # torchvision's import


def known(monkeypatch: pytest.MonkeyPatch, source: type[FileSource], root: Path) -> dict[str, str]:
    """Let ``source`` know the checksums of the files below ``root``; returns them by file name."""
    sums = {file.path: hashlib.md5((root / file.path).read_bytes()).hexdigest() for file in source.files}
    monkeypatch.setattr(source, "files", tuple(replace(file, md5=sums[file.path]) for file in source.files))
    return {Path(path).name: md5 for path, md5 in sums.items()}


def options(root: Path) -> DataOptions:
    return DataOptions(data_dir=root, download=False)


def pixels(n: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, *shape), dtype=np.uint8)


def test_the_checksums_are_those_of_torchvision() -> None:
    from torchvision import datasets

    cifar = [*datasets.CIFAR10.train_list, *datasets.CIFAR10.test_list]
    cifar.append([datasets.CIFAR10.meta["filename"], datasets.CIFAR10.meta["md5"]])
    assert [[Path(file.path).name, file.md5] for file in CIFAR10.files] == cifar
    for source, reader in ((SVHN, datasets.SVHN), (USPS, datasets.USPS)):
        theirs = [tuple(reader.split_list[split][1:]) for split in ("train", "test")]
        assert [(file.path, file.md5) for file in source.files] == theirs


def test_cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision import datasets

    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    parts = {Path(file.path).name: pixels(i + 2, 3, 32, 32) for i, file in enumerate(CIFAR10.files[:6])}
    for name, images in parts.items():
        batch = {"data": images.reshape(len(images), -1), "labels": [i % 10 for i in range(len(images))]}
        (folder / name).write_bytes(pickle.dumps(batch))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list(CIFAR10.known.classes)}))
    sums = known(monkeypatch, CIFAR10, tmp_path)
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [[name, sums[name]] for name in list(parts)[:5]])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(
        datasets.CIFAR10, "meta", {"filename": "batches.meta", "key": "label_names", "md5": sums["batches.meta"]}
    )
    source = CIFAR10(options(tmp_path))
    train = source.load("train")
    assert np.array_equal(train.images.numpy(), np.concatenate(list(parts.values())[:5]))
    assert train.labels is not None
    assert train.labels[:4].tolist() == [0, 1, 0, 1]
    assert np.array_equal(source.load("test").images.numpy(), parts["test_batch"])

    (folder / "test_batch").write_bytes(b"cos\nsystem\n(S'echo pwned'\ntR.")
    with pytest.raises(DataCorruptError, match="test_batch is corrupt"):
        source.load("train")


def test_svhn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    io = pytest.importorskip("scipy.io")
    from torchvision import datasets

    images = {"train": pixels(5, 3, 32, 32), "test": pixels(4, 3, 32, 32)}
    for split, array in images.items():
        labels = np.arange(1, len(array) + 1, dtype=np.uint8)[:, None]
        labels[-1] = 10
        io.savemat(tmp_path / f"{split}_32x32.mat", {"X": array.transpose(2, 3, 1, 0), "y": labels})
    sums = known(monkeypatch, SVHN, tmp_path)
    lists = {split: ["", f"{split}_32x32.mat", sums[f"{split}_32x32.mat"]] for split in images}
    monkeypatch.setattr(datasets.SVHN, "split_list", lists)
    train = SVHN(options(tmp_path)).load("train")
    assert np.array_equal(train.images.numpy(), images["train"])
    assert train.labels is not None
    assert train.labels.tolist() == [1, 2, 3, 4, 0]


def test_svhn_without_scipy_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vision, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="scipy is missing") as caught:
        SVHN(options(tmp_path)).load("train")
    assert 'pip install "ganzoo[svhn]"' in str(caught.value)


def test_usps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    levels = np.array([[-1.0] * 128 + [1.0] * 128, [0.0] * 256])
    for name in ("usps.bz2", "usps.t.bz2"):
        lines = [
            " ".join([str(label), *(f"{i + 1}:{value}" for i, value in enumerate(row))])
            for label, row in zip((1, 10), levels, strict=True)
        ]
        (tmp_path / name).write_bytes(bz2.compress("\n".join(lines).encode()))
    known(monkeypatch, USPS, tmp_path)
    test = USPS(options(tmp_path)).load("test")
    assert test.images.shape == (2, 1, 16, 16)
    assert test.images[0, 0, :8].max() == 0
    assert test.images[0, 0, 8:].min() == 255
    assert test.images[1].unique().tolist() == [127]
    assert test.labels is not None
    assert test.labels.tolist() == [0, 9]
    assert test.images.dtype == torch.uint8
