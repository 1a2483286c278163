"""Images of other programs: each form that is understood, and the keys under which they are found."""

from __future__ import annotations

import math
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys.arrays import FORMS, LAYOUTS, RANGES, laid_out, pixels, refused, save

from ganzoo.data import arrays
from ganzoo.data.arrays import read_images
from ganzoo.data.convert import to_pixels


class TestWhatIsUnderstood:
    @pytest.mark.parametrize("suffix", [".npy", ".npz"])
    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize(("dtype", "range_"), FORMS)
    def test_every_layout_type_and_range(
        self, tmp_path: Path, dtype: str, range_: str, layout: str, suffix: str
    ) -> None:
        original = pixels(channels=LAYOUTS[layout][0])
        stored = RANGES[range_](laid_out(original, layout).astype("float64")).astype(dtype)
        images, note = read_images(save(tmp_path / f"some{suffix}", stored))
        assert images.images.dtype == torch.uint8
        assert images.labels is None
        # float16 has steps of half a brightness near 1, so half of them are lost in [0, 1] and [-1, 1].
        lost = 1 if dtype == "float16" and range_ != "[0, 255]" else 0
        assert np.abs(images.images.numpy().astype(int) - original).max() <= lost
        key = "images: " if suffix == ".npz" else ""
        assert note == f"{key}{stored.dtype} {stored.shape}, read as {layout} in {range_}"

    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("suffix", [".npy", ".npz"])
    @pytest.mark.parametrize("dtype", ["uint8", "float32"])
    def test_arrays_by_columns(self, tmp_path: Path, layout: str, suffix: str, dtype: str) -> None:
        original = pixels(channels=LAYOUTS[layout][0])
        stored = np.asfortranarray(laid_out(original, layout).astype(dtype))
        images, _ = read_images(save(tmp_path / f"some{suffix}", stored))
        assert np.array_equal(images.images, original)

    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("layout", ["(N, C, H, W)", "(N, H, W, C)"])
    def test_one_channel_or_three(self, tmp_path: Path, channels: int, layout: str) -> None:
        original = pixels(channels=channels)
        images, note = read_images(save(tmp_path / "some.npy", laid_out(original, layout)))
        assert np.array_equal(images.images, original)
        assert f"read as {layout} in" in note

    def test_black_and_white(self, tmp_path: Path) -> None:
        stored = pixels(channels=1)[:, 0] > 127
        images, note = read_images(save(tmp_path / "some.npy", stored))
        assert np.array_equal(images.images[:, 0], stored * np.uint8(255))
        assert note == "bool (6, 5, 7), read as (N, H, W) in [0, 1]"

    def test_small_signed_integers(self, tmp_path: Path) -> None:
        stored = pixels(channels=1)[:, 0] // 2
        images, _ = read_images(save(tmp_path / "some.npy", stored.astype(np.int8)))
        assert np.array_equal(images.images[:, 0], stored)

    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_floats_become_the_bytes_that_to_pixels_makes(self, tmp_path: Path, dtype: str) -> None:
        levels = np.arange(0, 255.5, 0.25)  # among them the ties, halfway between two bytes
        random_ = np.random.default_rng(0).uniform(-1, 1, 40 * 40 - len(levels))
        stored = np.concatenate([levels / 127.5 - 1, random_]).reshape(1, 1, 40, 40).astype(dtype)
        images, _ = read_images(save(tmp_path / "some.npy", stored))
        assert torch.equal(images.images, to_pixels(torch.from_numpy(stored)))

    def test_the_range_is_that_of_the_whole_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(arrays, "_CHUNK_VALUES", 20)
        stored = np.ones((9, 4, 5), np.float32)
        assert read_images(save(tmp_path / "some.npy", stored))[0].images.min() == 255
        stored[8, 3, 4] = -1
        images, note = read_images(save(tmp_path / "some.npy", stored))
        assert note.endswith("in [-1, 1]")
        assert np.unique(images.images).tolist() == [0, 255]
        stored[8, 3, 4] = 255
        images, note = read_images(save(tmp_path / "some.npy", stored))
        assert note.endswith("in [0, 255]")
        assert np.unique(images.images).tolist() == [1, 255]

    @pytest.mark.parametrize(
        ("low", "high", "range_"),
        [
            (-1e-6, 1 + 1e-6, "[0, 1]"),
            (-1 - 1e-6, 1 + 1e-6, "[-1, 1]"),
            (-0.6, 1.0, "[-1, 1]"),
            (-1e-3, 255.2, "[0, 255]"),
            (0.0, 0.0, "[0, 1]"),
            (-1.0, -1.0, "[-1, 1]"),
            (100.0, 120.0, "[0, 255]"),
        ],
    )
    def test_rounding_beyond_a_range(self, tmp_path: Path, low: float, high: float, range_: str) -> None:
        stored = np.array([[[low, high]]])
        images, note = read_images(save(tmp_path / "some.npy", stored))
        assert note.endswith(f"in {range_}")
        ends = {"[0, 1]": (0, 1), "[-1, 1]": (-1, 1), "[0, 255]": (0, 255)}[range_]
        expected = (stored.clip(*ends) - ends[0]) / (ends[1] - ends[0]) * 255
        assert np.array_equal(images.images[0], np.rint(expected))

    @pytest.mark.parametrize("shape", [(2, 1, 4, 3), (2, 3, 4, 1), (2, 1, 1, 1)])
    def test_channels_come_first_where_both_fit(self, tmp_path: Path, shape: tuple[int, ...]) -> None:
        stored = 7 * np.arange(math.prod(shape), dtype=np.uint8).reshape(shape)
        images, note = read_images(save(tmp_path / "some.npy", stored))
        assert np.array_equal(images.images, stored)
        assert "read as (N, C, H, W), though also fit for (N, H, W, C) in" in note

    def test_the_fingerprint_is_that_of_the_images(self, tmp_path: Path) -> None:
        original = pixels()
        first, _ = read_images(save(tmp_path / "a.npy", original))
        second, _ = read_images(save(tmp_path / "b.npz", original.transpose(0, 2, 3, 1) / 255))
        assert first.fingerprint == second.fingerprint
        third, _ = read_images(save(tmp_path / "a.npy", original ^ 1))
        assert third.fingerprint != first.fingerprint


class TestChunks:
    @pytest.mark.parametrize("values", [1, 2, 13, 35, 106, 400])
    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("by_columns", [False, True])
    def test_their_size_changes_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: int, layout: str, by_columns: bool
    ) -> None:
        original = pixels(n=3, channels=LAYOUTS[layout][0], height=4)
        stored = laid_out(original, layout) / 127.5 - 1
        path = save(tmp_path / "some.npz", np.asfortranarray(stored) if by_columns else stored)
        whole = read_images(path)
        monkeypatch.setattr(arrays, "_CHUNK_VALUES", values)
        parts = read_images(path)
        assert torch.equal(parts[0].images, whole[0].images)
        assert np.array_equal(whole[0].images, original)
        assert parts[1] == whole[1]

    @pytest.mark.parametrize("suffix", [".npy", ".npz"])
    @pytest.mark.parametrize("by_columns", [False, True])
    def test_a_file_of_floats_is_never_whole_in_memory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, by_columns: bool
    ) -> None:
        stored = np.zeros((400, 28, 28, 3))  # 7.5 MB, 0.9 MB as bytes
        path = save(tmp_path / f"some{suffix}", np.asfortranarray(stored) if by_columns else stored)
        read_images(path)
        monkeypatch.setattr(arrays, "_CHUNK_VALUES", 10_000)
        tracemalloc.start()
        try:
            read_images(path)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 1_900_000


class TestKeys:
    @pytest.mark.parametrize("suffix", ["", "_compressed"])
    @pytest.mark.parametrize(
        ("keys", "chosen"),
        [
            (["labels", "arr_0", "samples", "images"], "images"),
            (["arr_0", "labels", "samples"], "samples"),
            (["mu", "arr_0", "arr_1", "sigma"], "arr_0"),
            (["fakes"], "fakes"),
            (["a/b c"], "a/b c"),
            ([""], ""),
        ],
    )
    def test_which_array_is_read(self, tmp_path: Path, keys: list[str], chosen: str, suffix: str) -> None:
        sets: dict[str, Any] = {key: pixels(seed=i) if key == chosen else np.zeros(3) for i, key in enumerate(keys)}
        getattr(np, f"savez{suffix}")(tmp_path / "some.npz", **sets)
        images, note = read_images(tmp_path / "some.npz")
        assert np.array_equal(images.images, sets[chosen])
        assert note.startswith(f"{chosen}: " if chosen else "uint8 (6, 3, 5, 7), ")

    def test_none_says_that_it_holds_the_images(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "some.npz", real=pixels(), fake=pixels())
        told = refused(tmp_path / "some.npz")
        assert "it holds real, fake\n" in told
        assert "choices: images, samples, arr_0\n" in told

    def test_many_names_are_cut(self, tmp_path: Path) -> None:
        names: dict[str, Any] = {f"image_{i}": np.zeros(1) for i in range(100)}
        np.savez(tmp_path / "some.npz", **names)
        told = refused(tmp_path / "some.npz")
        assert "image_0, image_1, " in told
        assert "[...]" in told
        assert len(told) < 500

    @pytest.mark.parametrize("members", [[], ["data.pkl", "images.npy.txt"]])
    def test_an_archive_without_arrays(self, tmp_path: Path, members: list[str]) -> None:
        with zipfile.ZipFile(tmp_path / "some.npz", "w") as archive:
            for member in members:
                archive.writestr(member, b"x")
        assert "it holds no arrays" in refused(tmp_path / "some.npz")

    def test_the_content_tells_the_format(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "some.npz", images=pixels())
        renamed = (tmp_path / "some.npz").rename(tmp_path / "some.npy")
        assert np.array_equal(read_images(renamed)[0].images, pixels())
