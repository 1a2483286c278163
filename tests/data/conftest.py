"""A small data set in the format of MNIST, whose files, checksums and downloads the tests control."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganzoo.data import DataInfo, DataOptions, locate
from ganzoo.data.idx import IdxSource, idx_files
from ganzoo.data.integrity import idx_header

SIZES = (("train", 30), ("test", 12))


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the user's data: the variable is unset, and the cache is a folder of the test."""
    monkeypatch.delenv("GANZOO_DATA", raising=False)
    monkeypatch.setattr(locate, "cache_dir", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def contents() -> dict[str, bytes]:
    """The right content of the four files, by path."""
    rng = np.random.default_rng(0)
    files = {}
    for name, (_, n) in zip(("train", "t10k"), SIZES, strict=True):
        pixels = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        files[f"Tiny/raw/{name}-images-idx3-ubyte"] = idx_header(n, 28, 28) + pixels.tobytes()
        files[f"Tiny/raw/{name}-labels-idx1-ubyte"] = idx_header(n) + bytes(i % 10 for i in range(n))
    return files


@pytest.fixture
def tiny(contents: dict[str, bytes]) -> type[IdxSource]:
    """A source of the four files, which knows their MD5s; its download writes the right files."""

    class Tiny(IdxSource):
        known = DataInfo(
            name="tiny", channels=1, height=28, width=28, classes=tuple(str(i) for i in range(10)), sizes=SIZES
        )
        reader = "none"
        files = idx_files(
            "Tiny/raw",
            known,
            md5=tuple(hashlib.md5(content).hexdigest() for content in contents.values()),  # type: ignore[arg-type]
        )

        def fetch(self, folder: Path) -> None:
            write(folder, contents)

    return Tiny


@pytest.fixture
def data_dir(tmp_path: Path, contents: dict[str, bytes]) -> Path:
    """A folder with the four files."""
    write(tmp_path / "data", contents)
    return tmp_path / "data"


@pytest.fixture
def tiny_options(data_dir: Path) -> Callable[..., DataOptions]:
    """Options that look in ``data_dir`` and download nothing."""

    def make(**more: Any) -> DataOptions:
        return DataOptions(**{"dataset": "tiny", "data_dir": data_dir, "download": False, **more})

    return make


def write(folder: Path, contents: dict[str, bytes]) -> None:
    """Write each content to its path below ``folder``."""
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
