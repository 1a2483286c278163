"""A user's own images."""

from __future__ import annotations

import os
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganzoo.data import DataOptions
from ganzoo.data.catalog import find_source
from ganzoo.data.folder import Folder
from ganzoo.errors import ConfigError, DataCorruptError, DataError, DataNotFoundError


def folder(path: Path, **more: Any) -> Folder:
    return Folder(DataOptions(dataset=f"folder:{path}", **more))


def picture(path: Path, size: tuple[int, int] = (8, 6), mode: str = "RGB", seed: int = 0, **save: Any) -> np.ndarray:
    """Write noise of ``size`` (width, height), and give its pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], len(mode))
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels, mode).save(path, **save)
    return pixels


class TestLayout:
    """Which files are taken, in which order, with which labels."""

    def test_images_are_taken_in_order_of_name_without_labels(self, tmp_path: Path) -> None:
        expected = {name: picture(tmp_path / name, seed=i) for i, name in enumerate(("b.png", "a.png", "c.bmp"))}
        (tmp_path / "notes.txt").write_text("no image")
        picture(tmp_path / ".hidden.png")
        loaded = folder(tmp_path).load("train")
        assert loaded.labels is None
        assert loaded.images.shape == (3, 3, 6, 8)
        for image, name in zip(loaded.images, sorted(expected), strict=True):
            assert np.array_equal(image.permute(1, 2, 0).numpy(), expected[name])

    def test_sub_folders_are_classes(self, tmp_path: Path) -> None:
        for i, name in enumerate(("dogs/2.png", "cats/9.png", "dogs/1/x.png", "cats/10.png")):
            picture(tmp_path / name, seed=i)
        (tmp_path / "empty").mkdir()
        picture(tmp_path / ".thumbnails/t.png")
        source = folder(tmp_path)
        assert source.info.classes == ("cats", "dogs")
        assert source.listing.paths == ("cats/10.png", "cats/9.png", "dogs/1/x.png", "dogs/2.png")
        labels = source.load("all").labels
        assert labels is not None
        assert labels.tolist() == [0, 0, 1, 1]
        assert labels.dtype == torch.int64

    def test_both_at_once_are_refused(self, tmp_path: Path) -> None:
        picture(tmp_path / "a.png")
        picture(tmp_path / "cats/b.png")
        with pytest.raises(DataError, match=r"images of its own \(a\.png\) and sub-folders with images \(cats\)"):
            _ = folder(tmp_path).info

    def test_no_images_are_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(DataNotFoundError, match="has no images") as caught:
            _ = folder(tmp_path).info
        assert ".png" in caught.value.choices

    def test_no_folder_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(DataNotFoundError, match="there is no such folder"):
            _ = folder(tmp_path / "none").info

    @pytest.mark.parametrize("name", ["folder", "folder:"])
    def test_a_path_is_needed(self, name: str) -> None:
        with pytest.raises(ConfigError, match="lacks a path"):
            find_source(DataOptions(dataset=name))

    def test_there_is_no_test_split(self, tmp_path: Path) -> None:
        picture(tmp_path / "a.png")
        with pytest.raises(ConfigError, match="no split 'test'"):
            folder(tmp_path).load("test")


class TestShape:
    """Size and channels, from the files or from the options."""

    def test_mixed_sizes_need_an_image_size(self, tmp_path: Path) -> None:
        picture(tmp_path / "a.png", (40, 30))
        picture(tmp_path / "b.png", (33, 64))
        with pytest.raises(ConfigError, match=r"2 sizes: a\.png is 40 x 30, b\.png is 33 x 64") as caught:
            _ = folder(tmp_path).info
        assert "--image-size 16" in str(caught.value)
        source = folder(tmp_path, image_size=16)
        assert source.info.shape == (3, 16, 16)
        assert source.load("train").images.shape == (2, 3, 16, 16)

    def test_all_grey_is_grey_and_one_in_colour_is_colour(self, tmp_path: Path) -> None:
        grey = picture(tmp_path / "a.png", mode="L")
        assert folder(tmp_path).info.channels == 1
        picture(tmp_path / "b.png")
        source = folder(tmp_path)
        assert source.info.channels == 3
        assert np.array_equal(source.load("train").images[0].numpy(), np.stack([grey] * 3))
        assert folder(tmp_path, channels=1).load("train").images.shape == (2, 1, 6, 8)

    def test_given_both_no_file_is_opened(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(b"not yet read")
        assert folder(tmp_path, image_size=16, channels=3).info.shape == (3, 16, 16)


class TestFormats:
    """What pictures there are."""

    @pytest.mark.parametrize("suffix", ["png", "bmp", "webp"])
    def test_lossless_formats_come_out_exactly(self, tmp_path: Path, suffix: str) -> None:
        options = {"lossless": True} if suffix == "webp" else {}
        pixels = picture(tmp_path / f"a.{suffix}", **options)
        assert np.array_equal(folder(tmp_path).load("train").images[0].permute(1, 2, 0).numpy(), pixels)

    @pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.gif"])
    def test_lossy_formats_come_out_nearly(self, tmp_path: Path, name: str) -> None:
        Image.new("RGB", (8, 8), (200, 40, 90)).save(tmp_path / name)
        image = folder(tmp_path).load("train").images[0].int()
        assert (image - torch.tensor([200, 40, 90]).view(3, 1, 1)).abs().max() <= 4

    def test_the_first_frame_of_an_animation_is_taken(self, tmp_path: Path) -> None:
        frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
        frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
        assert folder(tmp_path).load("train").images[0, :, 0, 0].tolist() == [255, 0, 0]

    def test_transparency_lies_over_black(self, tmp_path: Path) -> None:
        Image.new("RGBA", (4, 4), (200, 100, 50, 0)).save(tmp_path / "a.png")
        Image.new("RGBA", (4, 4), (200, 100, 50, 255)).save(tmp_path / "b.png")
        images = folder(tmp_path).load("train").images
        assert images[0].max() == 0
        assert images[1, :, 0, 0].tolist() == [200, 100, 50]

    def test_sixteen_bits_are_scaled(self, tmp_path: Path) -> None:
        Image.fromarray(np.array([[0, 257 * 100], [257 * 200, 65535]], dtype=np.uint16)).save(tmp_path / "a.png")
        source = folder(tmp_path)
        assert source.info.channels == 1
        assert source.load("train").images[0, 0].tolist() == [[0, 100], [200, 255]]

    def test_a_photograph_is_turned_upright(self, tmp_path: Path) -> None:
        image = Image.new("RGB", (16, 8), "black")
        image.paste("white", (0, 0, 16, 4))
        exif = Image.Exif()
        exif[0x0112] = 6  # the camera was turned: the stored top is the right side
        image.save(tmp_path / "a.jpg", exif=exif, quality=95)
        source = folder(tmp_path)
        assert (source.info.height, source.info.width) == (16, 8)
        upright = source.load("train").images[0, 0]
        assert upright[:, :3].max() < 30
        assert upright[:, -3:].min() > 225

    def test_a_folder_below_that_cannot_be_listed_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("a", "b"):
            picture(tmp_path / name / "0.png")
        plain = os.scandir

        def scandir(path: str | Path) -> object:
            if str(path).endswith("b"):
                raise PermissionError(13, "Permission denied", str(path))
            return plain(path)

        monkeypatch.setattr(os, "scandir", scandir)  # not by its mode, which root overrides
        with pytest.raises(DataError, match=r"cannot list .*b: Permission denied\n  fix: check its permissions"):
            folder(tmp_path).load("train")

    @pytest.mark.parametrize("content", [b"", b"no image at all", None])
    def test_an_unreadable_file_is_named(self, tmp_path: Path, content: bytes | None) -> None:
        picture(tmp_path / "a.png", (32, 32))
        bad = tmp_path / "b.png"
        picture(bad, (32, 32))
        bad.write_bytes(content if content is not None else bad.read_bytes()[:500])
        source = folder(tmp_path, image_size=32, channels=3)
        for read in (lambda: source.load("train"), source.verify, lambda: source.open("train")[1]):
            with pytest.raises(DataCorruptError, match=f"{bad} cannot be read as an image"):
                read()


class TestStream:
    """Reading one by one."""

    @pytest.mark.parametrize("more", [{}, {"image_size": 16}, {"image_size": 5, "channels": 1}])
    def test_it_gives_the_bits_of_loading(self, tmp_path: Path, more: dict[str, Any]) -> None:
        for i in range(5):
            picture(tmp_path / f"{'ab'[i % 2]}/{i}.png", (20, 14), seed=i)
        source = folder(tmp_path, **more)
        loaded, stream = source.load("train"), source.open("train")
        assert loaded.fingerprint == stream.fingerprint
        assert len(stream) == 5
        assert loaded.labels is not None
        for index in range(5):
            assert torch.equal(stream[index][0], loaded.images[index])
            assert stream[index][1] == loaded.labels[index]

    def test_the_fingerprint_changes_with_names_labels_content_and_shape(self, tmp_path: Path) -> None:
        root = tmp_path / "one"
        picture(root / "a/1.bmp")
        picture(root / "b/2.bmp", seed=1)
        prints = [folder(root).open("train").fingerprint, folder(root, image_size=4).open("train").fingerprint]
        (root / "b/2.bmp").rename(root / "b/3.bmp")
        prints.append(folder(root).open("train").fingerprint)
        (root / "b/3.bmp").rename(root / "a/3.bmp")
        prints.append(folder(root).open("train").fingerprint)
        picture(root / "a/3.bmp", seed=2)
        prints.append(folder(root).open("train").fingerprint)
        assert len(set(prints)) == 5

    def test_opening_keeps_nothing_of_a_file_but_its_path_and_label(self, tmp_path: Path) -> None:
        picture(tmp_path / "first" / "a.png")
        picture(tmp_path / "many" / "a.png")
        for index in range(400):
            shutil.copyfile(tmp_path / "many" / "a.png", tmp_path / "many" / f"{index}.png")
        folder(tmp_path / "first").open("train").fingerprint  # noqa: B018 - loads what is needed once
        source = folder(tmp_path / "many")
        assert len(source.listing.paths) == 401
        tracemalloc.start()
        try:
            source.open("train").fingerprint  # noqa: B018
            assert tracemalloc.get_traced_memory()[1] < 401 * 150
        finally:
            tracemalloc.stop()

    def test_a_moved_folder_keeps_its_fingerprint(self, tmp_path: Path) -> None:
        picture(tmp_path / "one/1.png")
        before = folder(tmp_path / "one").open("train").fingerprint
        shutil.move(tmp_path / "one", tmp_path / "two")
        assert folder(tmp_path / "two").open("train").fingerprint == before

    def test_verify_decodes_everything(self, tmp_path: Path) -> None:
        picture(tmp_path / "a.png")
        picture(tmp_path / "b.png")
        report = folder(tmp_path).verify()
        assert report.evidence == ("decoded",)
        assert report.size == sum((tmp_path / name).stat().st_size for name in ("a.png", "b.png"))
