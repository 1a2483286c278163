"""Words of `ganzoo run` and `ganzoo eval` for tests of what they say of digits, and how that is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TINY = ["--net.g-widths", "8", "--net.d-widths", "8", "--device", "cpu", "--threads", "1", "--quiet"]
JUDGED = ["--eval-every", "2", "--eval-samples", "120", "--eval-metrics", "fid"]

DIGITS = ["--against", "digits:test", "--resize", "--device", "cpu"]
"""For images of 8 x 8, which the extractor of digits takes in 28 x 28."""

Told = Callable[..., dict[str, Any]]


def means(told: dict[str, Any]) -> dict[str, float]:
    return {name: figure["mean"] for name, figure in told["figures"].items()}


def number(text: str) -> float | None:
    return None if text == "-" else float(text)
