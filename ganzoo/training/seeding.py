"""One seed, many independent streams: each purpose has its own, so that none shifts another."""

from __future__ import annotations

import hashlib

import torch


def derive(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed from ``seed`` and a purpose, the same on every machine and in every Python."""
    text = ":".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *purpose: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """A new random stream for a purpose, on ``device``."""
    stream = torch.Generator(device=device)
    stream.manual_seed(derive(seed, *purpose))
    return stream


def seed_global(seed: int) -> None:
    """Seed torch's global streams, which initialise weights and drive dropout. The engine's right alone."""
    torch.manual_seed(derive(seed, "global"))
