"""Batches: the same from the device as from workers, and the same after a resume."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from ganzoo.data import DataInfo, DataOptions, ImageSet, Stream
from ganzoo.data.convert import normalise
from ganzoo.data.folder import Folder
from ganzoo.data.pacing import PacedBatcher
from ganzoo.data.resident import ResidentBatcher
from ganzoo.data.sampler import EpochOrder
from ganzoo.data.streaming import StreamBatcher
from ganzoo.errors import DataCorruptError, DataError, GanzooError, IncompatiblePartsError
from ganzoo.game import Batch

CPU = torch.device("cpu")
INFO = DataInfo(name="set", channels=1, height=4, width=4, classes=("0", "1", "2"), sizes=(("train", 13),))

Make = Callable[..., PacedBatcher]


def numbered(n: int, first: int = 0) -> ImageSet:
    """Images whose pixels are their number, and whose label is their number modulo 3."""
    numbers = torch.arange(first, first + n)
    images = numbers.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 4, 4)
    return ImageSet(images, numbers % 3)


def numbers(images: torch.Tensor) -> list[int]:
    """Which numbers normalised images have."""
    return [round((value + 1) * 127.5) for value in images[:, 0, 0, 0].tolist()]


@pytest.fixture(params=["device", "inline", "workers"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes a batcher of one of the kinds."""
    made: list[PacedBatcher] = []

    def make(domains: dict[str, Any] | None = None, **more: Any) -> PacedBatcher:
        options = {"info": INFO, "batch_size": 4, "seed": 0, "device": CPU, **more}
        domains = domains or {"images": numbered(13)}
        if request.param == "device":
            made.append(ResidentBatcher(domains, **options))
        else:
            options.pop("rounds", None)
            made.append(StreamBatcher(domains, workers=2 if request.param == "workers" else 0, **options))
        return made[-1]

    yield make
    for batcher in made:
        batcher.close()


def flat(lists: Iterable[list[int]]) -> list[int]:
    return [number for numbers in lists for number in numbers]


def draws(batcher: PacedBatcher, count: int) -> list[Batch]:
    found = []
    for _ in range(count):
        batcher.prepare(1)
        found.append(batcher.draw())
    return found


def equal(one: Batch, other: Batch) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


class TestBoth:
    """What every batcher does, wherever its images are."""

    def test_batches_follow_the_order(self, make: Make) -> None:
        order = EpochOrder(13, seed=0, name="set")
        found = draws(make(), 8)
        expected = order.indices(0, 32)
        assert flat(numbers(batch["images"]) for batch in found) == expected.tolist()
        assert torch.cat([batch["labels"] for batch in found]).tolist() == (expected % 3).tolist()

    def test_pixels_are_normalised(self, make: Make) -> None:
        images = ImageSet(torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).repeat(1, 3, 4, 4))
        batch = draws(make({"images": images}), 1)[0]
        assert batch["images"].dtype == torch.float32
        assert batch["images"].shape == (4, 3, 4, 4)
        assert sorted(batch["images"][:2, 0, 0, 0].tolist()) == [-1.0, 1.0]
        assert "labels" not in batch

    def test_several_rounds_are_the_same_as_one_by_one(self, make: Make) -> None:
        one, many = draws(make(), 12), []
        batcher = make(rounds=6)
        for _ in range(2):
            batcher.prepare(6)
            many += [batcher.draw() for _ in range(6)]
        assert all(equal(a, b) for a, b in zip(one, many, strict=True))

    @pytest.mark.parametrize("done", [0, 1, 3, 5])
    def test_it_resumes_from_the_number_drawn(self, make: Make, done: int) -> None:
        whole, resumed = make(), make()
        draws(whole, done)
        draws(resumed, 2)
        resumed.restore(whole.drawn)
        assert resumed.drawn == 4 * done
        assert all(equal(a, b) for a, b in zip(draws(whole, 5), draws(resumed, 5), strict=True))

    def test_ranks_share_the_sequence(self, make: Make) -> None:
        ranks = [make(rank=rank, world=2) for rank in range(2)]
        found = [numbers(b["images"]) for pair in zip(*(draws(r, 6) for r in ranks), strict=True) for b in pair]
        assert flat(found) == EpochOrder(13, seed=0, name="set").indices(0, 48).tolist()
        assert ranks[0].drawn == ranks[1].drawn == 48

    def test_a_batch_may_be_larger_than_the_set(self, make: Make) -> None:
        batch = draws(make({"images": numbered(3)}, batch_size=10), 1)[0]
        assert numbers(batch["images"]) == EpochOrder(3, seed=0, name="set").indices(0, 10).tolist()

    def test_paired_domains_are_drawn_together(self, make: Make) -> None:
        batcher = make({"a": numbered(13), "b": numbered(13, first=100)}, paired=True)
        for batch in draws(batcher, 8):
            assert [b - a for a, b in zip(numbers(batch["a"]), numbers(batch["b"]), strict=True)] == [100] * 4
            assert set(batch) == {"a", "b"}

    def test_unpaired_domains_are_drawn_apart_each_in_exact_epochs(self, make: Make) -> None:
        batcher = make({"a": numbered(6), "b": numbered(12, first=100)})
        found = draws(batcher, 6)
        a, b = (flat(numbers(batch[name]) for batch in found) for name in ("a", "b"))
        assert all(sorted(a[i : i + 6]) == list(range(6)) for i in range(0, 24, 6))
        assert all(sorted(b[i : i + 12]) == list(range(100, 112)) for i in (0, 12))
        assert [n - 100 for n in b[:6]] != a[:6]
        assert batcher.size == 12

    def test_paired_domains_of_different_sizes_are_refused(self, make: Make) -> None:
        with pytest.raises(IncompatiblePartsError, match="different sizes"):
            make({"a": numbered(6), "b": numbered(7)}, paired=True)

    def test_no_images_are_refused(self, make: Make) -> None:
        with pytest.raises(DataError, match="data set set has no images"):
            make({"images": ImageSet(torch.empty(0, 1, 4, 4, dtype=torch.uint8))})

    def test_drawing_unannounced_is_refused(self, make: Make) -> None:
        batcher = make()
        with pytest.raises(GanzooError, match="no batch is ready"):
            batcher.draw()
        batcher.prepare(1)
        batcher.draw()
        with pytest.raises(GanzooError, match="no batch is ready"):
            batcher.draw()

    def test_leaving_announced_batches_is_refused_until_a_restore(self, make: Make) -> None:
        batcher = make()
        batcher.prepare(2)
        batcher.draw()
        with pytest.raises(GanzooError, match="2 batches were announced and 1 drawn"):
            batcher.prepare(2)
        batcher.restore(4)
        assert equal(draws(batcher, 1)[0], draws(make(), 2)[1])

    def test_the_global_random_state_is_left_alone(self, make: Make) -> None:
        before = torch.random.get_rng_state()
        draws(make(), 3)
        assert torch.equal(torch.random.get_rng_state(), before)

    def test_batches_do_not_share_memory(self, make: Make) -> None:
        batcher = make()
        first = draws(batcher, 1)[0]
        kept = {name: part.clone() for name, part in first.items()}
        draws(batcher, 3)
        assert all(torch.equal(first[name], kept[name]) for name in kept)


class TestResident:
    """Images on the device."""

    def test_too_many_rounds_are_refused(self) -> None:
        batcher = ResidentBatcher({"images": numbered(5)}, info=INFO, batch_size=4, seed=0, device=CPU, rounds=3)
        with pytest.raises(GanzooError, match=r"draws 4 batches.*at most 3") as caught:
            batcher.prepare(4)
        assert "rounds=4" in str(caught.value)

    def test_from_tensors(self) -> None:
        images, labels = numbered(13).images, numbered(13).labels
        batcher = ResidentBatcher.from_tensors({"images": images}, labels, batch_size=4)
        assert batcher.info.shape == (1, 4, 4)
        assert batcher.info.classes == ("0", "1", "2")
        batch = draws(batcher, 1)[0]
        assert batch["labels"].tolist() == [n % 3 for n in numbers(batch["images"])]
        two = ResidentBatcher.from_tensors({"a": images, "b": images}, batch_size=4, paired=True)
        batch = draws(two, 1)[0]
        assert torch.equal(batch["a"], batch["b"])

    def test_draws_are_those_of_plain_indexing(self) -> None:
        images = torch.randint(0, 256, (50, 3, 8, 8), dtype=torch.uint8)
        batcher = ResidentBatcher.from_tensors({"images": images}, batch_size=16, seed=3)
        order = EpochOrder(50, seed=3, name="tensors")
        for index, batch in enumerate(draws(batcher, 10)):
            assert torch.equal(batch["images"], normalise(images[order.indices(16 * index, 16)]))


class Trouble(Stream):
    """A stream in which image 7 fails."""

    fingerprint = "0" * 64
    labelled = False

    def __init__(self, fail: Callable[[], None]) -> None:
        self.fail = fail

    def __len__(self) -> int:
        return 13

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        if index == 7:
            self.fail()
        return torch.zeros(1, 4, 4, dtype=torch.uint8), -1


def corrupt() -> None:
    raise DataCorruptError("7.png cannot be read as an image", fix="remove it")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class TestStream:
    """Images read by workers."""

    def batcher(self, stream: Stream, workers: int = 2) -> StreamBatcher:
        info = DataInfo(name="set", channels=1, height=4, width=4, sizes=(("train", len(stream)),))
        return StreamBatcher({"images": stream}, info=info, batch_size=4, seed=0, device=CPU, workers=workers)

    @pytest.mark.parametrize("workers", [0, 1])
    def test_an_unreadable_image_is_named_and_not_garbled(self, workers: int) -> None:
        with self.batcher(Trouble(corrupt), workers) as batcher, pytest.raises(DataCorruptError) as caught:
            draws(batcher, 4)
        assert str(caught.value) == "7.png cannot be read as an image\n  fix: remove it"

    @pytest.mark.slow  # torch looks after its workers every five seconds
    def test_a_dead_worker_is_an_error_with_a_way_out(self) -> None:
        with self.batcher(Trouble(die), 1) as batcher, pytest.raises(DataError, match="failed") as caught:
            draws(batcher, 4)
        assert "--workers 0" in str(caught.value)

    def test_workers_stop_when_it_is_closed(self) -> None:
        batcher = self.batcher(numbered(13))
        draws(batcher, 1)
        assert batcher._batches is not None
        pids = [worker.pid for worker in batcher._batches._workers]  # type: ignore[attr-defined]
        assert len(pids) == 2
        batcher.close()
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)

    def test_workers_leave_ctrl_c_to_the_run(self) -> None:
        expected = draws(self.batcher(numbered(13), workers=0), 8)
        with self.batcher(numbered(13)) as batcher:
            found = draws(batcher, 1)
            for worker in batcher._batches._workers:  # type: ignore[union-attr]
                os.kill(worker.pid, signal.SIGINT)
            found += draws(batcher, 7)
        assert all(equal(a, b) for a, b in zip(found, expected, strict=True))

    def test_buffers_stay_where_they_are(self) -> None:
        batcher = self.batcher(numbered(13), workers=0)
        draws(batcher, 1)
        place = batcher._buffers[0]["images"].data_ptr()
        batcher.prepare(3)
        assert batcher._buffers[0]["images"].data_ptr() == place
        assert len(batcher._buffers) == 3


def test_a_folder_gives_the_same_bits_both_ways(tmp_path: Path) -> None:
    rng = torch.Generator().manual_seed(0)
    for i in range(9):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        pixels = torch.randint(0, 256, (20 + i, 24, 3), generator=rng, dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).save(tmp_path / "ab"[i % 2] / f"{i}.png")
    source = Folder(DataOptions(dataset=f"folder:{tmp_path}", image_size=16))
    options: dict[str, Any] = {"info": source.info, "batch_size": 4, "seed": 1, "device": CPU}
    resident = ResidentBatcher({"images": source.load("train")}, **options)
    with StreamBatcher({"images": source.open("train")}, workers=2, **options) as streamed:
        assert resident.fingerprint == streamed.fingerprint
        assert all(equal(a, b) for a, b in zip(draws(resident, 6), draws(streamed, 6), strict=True))
