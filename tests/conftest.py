"""Shared by all tests: one thread, and a seeded source of randomness."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the user's cache folder; subprocesses inherit this."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def rng() -> torch.Generator:
    """A generator seeded alike for every test."""
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session", autouse=True)
def _plugins(_own_cache: None) -> None:
    """Find the plugins before any test changes the environment that chooses among them: they are found once."""
    from ganzoo.registry import registry

    registry()
