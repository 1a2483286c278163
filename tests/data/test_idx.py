"""The MNIST family, against torchvision's readers and against what is published."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ganzoo.data import DataOptions
from ganzoo.data.idx import EMNIST, KMNIST, MNIST, FashionMNIST, IdxSource
from ganzoo.errors import ConfigError

REAL = Path(os.environ.get("GANZOO_DATA", "nowhere"))  # read before a fixture hides it
needs_mnist = pytest.mark.skipif(not (REAL / "MNIST/raw").is_dir(), reason="GANZOO_DATA has no MNIST")


def test_pixels_and_labels_are_those_of_the_files(
    tiny: type[IdxSource], tiny_options: Callable[..., DataOptions], contents: dict[str, bytes]
) -> None:
    images = tiny(tiny_options()).load("test")
    assert images.images.dtype == torch.uint8
    assert images.images.shape == (12, 1, 28, 28)
    assert images.images.numpy().tobytes() == contents["Tiny/raw/t10k-images-idx3-ubyte"][16:]
    assert images.labels is not None
    assert images.labels.dtype == torch.int64
    assert images.labels.tolist() == [i % 10 for i in range(12)]


def test_all_is_train_and_then_test(tiny: type[IdxSource], tiny_options: Callable[..., DataOptions]) -> None:
    source = tiny(tiny_options())
    train, test, both = (source.load(split) for split in ("train", "test", "all"))
    assert torch.equal(both.images, torch.cat([train.images, test.images]))
    assert train.labels is not None
    assert test.labels is not None
    assert both.labels is not None
    assert torch.equal(both.labels, torch.cat([train.labels, test.labels]))
    assert source.info.count("all") == len(both) == 42


def test_transposed_files_are_read_upright(tiny: type[IdxSource], tiny_options: Callable[..., DataOptions]) -> None:
    class Transposed(tiny):  # type: ignore[misc, valid-type]
        transposed = True

    upright = Transposed(tiny_options()).load("train").images
    assert torch.equal(upright, tiny(tiny_options()).load("train").images.transpose(2, 3))
    assert upright.is_contiguous()


def test_loading_converts_as_the_info_says(tiny: type[IdxSource], tiny_options: Callable[..., DataOptions]) -> None:
    source = tiny(tiny_options(image_size=32, channels=3))
    assert source.info.shape == (3, 32, 32)
    assert source.load("train").images.shape == (30, 3, 32, 32)


def test_an_unknown_split_is_refused() -> None:
    info = MNIST(DataOptions()).info
    with pytest.raises(ConfigError, match="no split 'valid'") as caught:
        info.parts("valid")
    assert caught.value.choices == ("train", "test", "all")


@pytest.mark.parametrize("source", [MNIST, FashionMNIST, KMNIST, EMNIST])
def test_the_catalogue_agrees_with_torchvision(source: type[IdxSource]) -> None:
    from torchvision import datasets

    reader = getattr(datasets, source.reader)
    if source is EMNIST:
        classes = reader.classes_split_dict["balanced"]
    else:
        archives = [(f"{Path(file.path).name}.gz", file.archive_md5) for file in source.files]
        assert [name for name, _ in archives] == [name for name, _ in reader.resources]
        assert all(known in (None, md5) for (_, known), (_, md5) in zip(archives, reader.resources, strict=True))
        classes = [name.split(" - ")[0] for name in reader.classes]
    assert list(source.known.classes) == classes
    assert source.files[0].path.split("/")[0] == reader.__name__


@needs_mnist
class TestRealMNIST:
    """The published files."""

    @pytest.mark.slow
    @pytest.mark.parametrize("split", ["train", "test"])
    def test_bits_are_those_of_torchvision(self, split: str) -> None:
        from torchvision import datasets

        theirs = datasets.MNIST(REAL, train=split == "train")
        ours = MNIST(DataOptions(data_dir=REAL, download=False)).load(split)  # type: ignore[arg-type]
        assert torch.equal(ours.images[:, 0], theirs.data)
        assert ours.labels is not None
        assert torch.equal(ours.labels, theirs.targets)

    def test_its_pixels_are_what_they_are_known_to_be(self) -> None:
        images = MNIST(DataOptions(data_dir=REAL, download=False)).load("train").images
        pixels = images.double() / 255
        assert pixels.mean().item() == pytest.approx(0.1307, abs=5e-5)  # the constants that everybody normalises by
        assert pixels.std().item() == pytest.approx(0.3081, abs=5e-5)

    def test_a_changed_byte_is_caught_at_the_next_start(self, tmp_path: Path) -> None:
        for file in MNIST.files[2:]:
            (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file.path).write_bytes((REAL / file.path).read_bytes())
        source = MNIST(DataOptions(data_dir=tmp_path, download=False))
        assert len(source.load("test")) == 10_000
        path = tmp_path / MNIST.files[2].path
        before = path.stat()
        with path.open("rb+") as images:
            images.seek(5_000_000)
            byte = images.read(1)[0]
            images.seek(5_000_000)
            images.write(bytes([byte ^ 1]))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # a cache by size and time would not notice
        with pytest.raises(Exception, match="corrupt") as caught:
            source.load("test")
        assert str(path) in str(caught.value)
