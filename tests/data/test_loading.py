"""From options to batches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from ganzoo.data import DataInfo, DataOptions, loading
from ganzoo.data.batcher import Batcher
from ganzoo.data.loading import free_memory, open_batches, stored_on_device
from ganzoo.errors import DataNotFoundError, IncompatiblePartsError, UnknownNameError
from ganzoo.game import DataNeeds

CPU = torch.device("cpu")
INFO = DataInfo(name="x", channels=3, height=10, width=10, sizes=(("train", 100), ("test", 50)))


def batches(options: DataOptions, needs: DataNeeds | None = None) -> Batcher:
    return open_batches(options, needs=needs or DataNeeds(), batch_size=8, seed=0, device=CPU)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for i in range(4):
        Image.new("RGB", (8, 8), (i, i, i)).save(tmp_path / f"{i}.png")
    return tmp_path


def test_the_digits_need_nothing() -> None:
    batcher = batches(DataOptions(dataset="digits"), DataNeeds(labels=True))
    batcher.prepare(1)
    batch = batcher.draw()
    assert batch["images"].shape == (8, 1, 8, 8)
    assert batch["labels"].shape == (8,)
    assert (batcher.size, batcher.storage, batcher.info.name) == (1437, "device", "digits")


def test_storage_is_as_asked_for_and_the_data_the_same() -> None:
    device, stream = (
        batches(DataOptions(dataset="digits", image_size=16, storage=storage, workers=0))  # type: ignore[arg-type]
        for storage in ("device", "stream")
    )
    assert (device.storage, stream.storage) == ("device", "stream")
    assert device.fingerprint == stream.fingerprint
    device.prepare(1)
    stream.prepare(1)
    assert torch.equal(device.draw()["images"], stream.draw()["images"])


@pytest.mark.parametrize(("free", "held"), [(4 * 30_000, True), (4 * 30_000 - 1, False)])
def test_auto_takes_a_quarter_of_the_free_memory(monkeypatch: pytest.MonkeyPatch, free: int, held: bool) -> None:
    monkeypatch.setattr(loading, "free_memory", lambda device: free)
    assert stored_on_device(DataOptions(split="train"), INFO, CPU) is held


def test_auto_counts_the_images_of_the_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "free_memory", lambda device: 4 * 30_000)
    assert [stored_on_device(DataOptions(split=s), INFO, CPU) for s in ("train", "test", "all")] == [True, True, False]  # type: ignore[arg-type]


def test_auto_streams_what_does_not_fit(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "free_memory", lambda device: 100)
    with batches(DataOptions(dataset=f"folder:{photos}", workers=0)) as batcher:
        assert batcher.storage == "stream"


def test_free_memory_of_a_cpu_is_capped() -> None:
    assert 0 < free_memory(CPU) <= 16 << 30


def test_labels_that_are_not_there_are_refused(photos: Path) -> None:
    with pytest.raises(IncompatiblePartsError, match=f"folder:{photos} has no labels") as caught:
        batches(DataOptions(dataset=f"folder:{photos}"), DataNeeds(labels=True))
    assert "--conditional" in str(caught.value)


def test_domains_that_are_not_there_are_refused() -> None:
    with pytest.raises(IncompatiblePartsError, match="domains a, b, but data set digits has one"):
        batches(DataOptions(dataset="digits"), DataNeeds(domains=("a", "b")))


def test_needs_are_judged_before_files_are_looked_for() -> None:
    with pytest.raises(IncompatiblePartsError):
        batches(DataOptions(dataset="kmnist", download=False), DataNeeds(domains=("a", "b")))
    with pytest.raises(DataNotFoundError, match="kmnist"):
        batches(DataOptions(dataset="kmnist", download=False))


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'fashion-mnist'"):
        batches(DataOptions(dataset="fashionmnist"))
