"""Shared by all tests: one thread, and a seeded source of randomness."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import torch

from ganzoo.arithmetic import denormals_are_zero

torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the user's cache folders; subprocesses inherit this."""
    base = tmp_path_factory.getbasetemp()
    # Workers of one session share what mypy knows of torch, which takes it a minute to read.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("MYPY_CACHE_DIR", str(shared / "mypy"))
        yield


@pytest.fixture(autouse=True)
def _arithmetic() -> Iterator[None]:
    """No test leaves the process computing in another way: the next would see other numbers."""
    yield
    left = denormals_are_zero()
    torch.set_flush_denormal(False)
    assert not left, "denormal numbers are still taken for 0"


@pytest.fixture
def rng() -> torch.Generator:
    """A generator seeded alike for every test."""
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session", autouse=True)
def _plugins(_own_cache: None) -> None:
    """Find the plugins before any test changes the environment that chooses among them: they are found once."""
    from ganzoo.registry import registry

    registry()
