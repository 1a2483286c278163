"""CUDA graphs. Without a GPU, tests put a tape in their place; `tests/cuda` captures and replays them on one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from .tape import record

Recorder = Callable[[Callable[[], None]], Callable[[], None]]
"""Captures what a function does to tensors, and returns what does it again."""


def cuda_recorder(*rngs: torch.Generator) -> Recorder:
    """Captures into CUDA graphs that share one pool of memory and draw fresh numbers from ``rngs`` at every replay.

    What is captured must have run before, on a side stream (:func:`aside`), so that libraries are loaded and lasting
    memory exists.
    """
    pools: list[Any] = []

    def capture(body: Callable[[], None]) -> Callable[[], None]:
        graph = torch.cuda.CUDAGraph()
        for rng in rngs:
            graph.register_generator_state(rng)
        stream = torch.cuda.current_stream()
        # Only what this thread does is captured: a loader's thread may ask for pinned memory at any time.
        capturing = torch.cuda.graph(graph, pool=pools[0] if pools else None, capture_error_mode="thread_local")
        try:
            with capturing:
                body()
        except BaseException:
            torch.cuda.set_stream(stream)  # torch leaves its own in place where ending the capture fails, too
            raise
        if not pools:
            pools.append(graph.pool())
        return graph.replay

    return capture


def tape_recorder(body: Callable[[], None]) -> Callable[[], None]:
    """The same by record and replay, on any device; no faster than the eager step. For checks."""
    return record(body).play


@contextmanager
def aside(device: torch.device) -> Iterator[None]:
    """Run what is inside on a stream of its own, which torch asks for before a capture; nothing without CUDA."""
    if device.type != "cuda":
        yield
        return
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        yield
    torch.cuda.current_stream(device).wait_stream(stream)
