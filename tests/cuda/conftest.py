"""What runs on an NVIDIA GPU alone; everything in this folder is skipped where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import torch
from toys.on_gpu import make_session

from ganzoo.training.session import Session


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is in this folder on a machine without a GPU."""
    if not torch.cuda.is_available():
        for item in items:
            if "tests/cuda/" in item.path.as_posix():
                item.add_marker(pytest.mark.skip(reason="needs an NVIDIA GPU"))


@pytest.fixture
def deterministic() -> Iterator[None]:
    """Kernels that add in one order, so that an iteration played twice is the same to the bit."""
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True
    try:
        yield
    finally:
        torch.backends.cudnn.deterministic = before


@pytest.fixture
def session() -> Iterator[Callable[..., Session]]:
    """Makes sessions, in whose arithmetic the test then computes."""
    with ExitStack() as stack:

        def make(*args: Any, **how: Any) -> Session:
            made = make_session(*args, **how)
            stack.enter_context(made.batcher)
            stack.enter_context(made.in_force())
            return made

        yield make
