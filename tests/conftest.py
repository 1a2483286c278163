"""Shared by all tests: one thread, and a seeded source of randomness."""

from __future__ import annotations

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture
def rng() -> torch.Generator:
    """A generator seeded alike for every test."""
    return torch.Generator().manual_seed(0)
