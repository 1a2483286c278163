"""What a gate would find of a tier, and whether choosing one leaves the state as it was."""

from ganzoo.training.engine.parity import Parity
from ganzoo.training.engine.snapshot import Snapshot

from .playing import differences, play


def parity_of(tier, *, seconds=0.5, error=0.0, unequal=""):
    """What a gate would find of a tier that takes ``seconds`` where the reference takes one."""
    exact = not error and not unequal
    return Parity(
        tier=tier.name,
        iterations=8,
        exact=exact,
        error=error,
        allowed=0.05,
        unequal=unequal,
        seconds=seconds,
        eager_seconds=1.0,
    )


def unchanged(engine, ask):
    """What ``ask`` returns or raises; the state of ``engine`` must be what it was."""
    before = play(engine, 2)
    try:
        return ask()
    finally:
        assert differences(before, Snapshot(engine)) == []
