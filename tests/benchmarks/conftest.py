"""The benchmarks' modules, and a small data set that torchvision takes for MNIST."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ganzoo.data.integrity import idx_header

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
REAL = Path(os.environ.get("GANZOO_DATA", "nowhere"))


def load(name: str) -> ModuleType:
    """The module ``name`` of benchmarks/, imported as the scripts there import each other."""
    if str(BENCHMARKS) not in sys.path:
        sys.path.append(str(BENCHMARKS))
    return importlib.import_module(name)


@pytest.fixture(autouse=True)
def _torchs_settings() -> Iterator[None]:
    """A contender leaves its settings in force."""
    settings = load("baselines.contest").Settings.now()
    yield
    settings.apply()


@pytest.fixture
def real_data() -> Path:
    """The folder that holds MNIST."""
    if not (REAL / "MNIST/raw").is_dir():
        pytest.skip("GANZOO_DATA has no MNIST")
    return REAL


@pytest.fixture
def small_mnist(tmp_path: Path) -> Path:
    """A folder with 40 random images in MNIST's files."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for split in ("train", "t10k"):
        pixels = rng.integers(0, 256, (40, 28, 28), dtype=np.uint8).tobytes()
        (raw / f"{split}-images-idx3-ubyte").write_bytes(idx_header(40, 28, 28) + pixels)
        (raw / f"{split}-labels-idx1-ubyte").write_bytes(idx_header(40) + bytes(range(10)) * 4)
    return tmp_path
