"""Sessions of every variant on the GPU, small enough for tests."""

from __future__ import annotations

from typing import Any

from ganzoo.config import make_config
from ganzoo.registry import registry
from ganzoo.training.session import Session

VARIANTS = sorted(registry().variants())
SMALL = {
    "vanilla": {"g_widths": [64], "d_widths": [64]},
    "dcgan": {"width": 16},
    "lsgan": {"width": 16},
    "wgan-gp": {"width": 16},
    "began": {"width": 64, "latent_dim": 16},
}


def make_session(variant: str, options: dict[str, Any] | None = None, **training: Any) -> Session:
    """A run of ``variant`` that is ready to train on the GPU; the same one at every call."""
    raw = {
        "variant": variant,
        "data": {"dataset": "digits"},
        "net": SMALL.get(variant, {}),
        "options": options or {},
        "training": {"batch_size": 16, "device": "cuda", "precision": "fp32", "steps": 1000, **training},
    }
    return Session(make_config(raw))
