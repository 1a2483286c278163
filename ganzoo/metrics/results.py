"""What came of judging samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from ganzoo.registry import Figure


@dataclass(frozen=True)
class Score:
    """A figure of some samples.

    Attributes:
        figure: its name and what it says.
        values: one for each repeat.
        error: the standard error that the metric itself gives, as the mean over the repeats.
        floor: the values of real images of another split; empty where there are none.
    """

    figure: Figure
    values: tuple[float, ...]
    error: float | None = None
    floor: tuple[float, ...] = ()

    @property
    def mean(self) -> float:
        """Mean over the repeats."""
        return mean(self.values)

    @property
    def std(self) -> float | None:
        """Standard deviation over the repeats, None of a single one."""
        return stdev(self.values) if len(self.values) > 1 else None

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        floor = {"mean": mean(self.floor), "values": list(self.floor)} if self.floor else None
        return {
            "mean": self.mean,
            "std": self.std,
            "standard_error": self.error,
            "values": list(self.values),
            "floor": floor,
            "better": self.figure.better,
        }


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What was judged, how, and what came of it.

    Attributes:
        source: the samples.
        against: the real images.
        real: how many of them.
        floor_from: the split that the floor comes from, and how many images of it a repeat takes.
        extractor: name of the feature extractor.
        digest: SHA-256 of its weights.
        framing: how it sees images beside that, such as in which border.
        n: samples in a repeat.
        seed: of the samples and of everything random.
        device: where it ran.
        scores: by figure.
        shares: part of the samples in each class, over all repeats, where the extractor knows classes (up to 100).
        notes: how images were read or converted.
        warnings: what makes a figure less than it seems.
        seconds: by the clock.
    """

    source: str
    against: str
    real: int
    floor_from: str | None
    extractor: str
    digest: str
    framing: Mapping[str, int]
    n: int
    seed: int
    device: str
    scores: dict[str, Score]
    shares: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def repeats(self) -> int:
        """How often samples were drawn."""
        return max((len(score.values) for score in self.scores.values()), default=0)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "format": 1,
            "source": self.source,
            "against": self.against,
            "real_images": self.real,
            "floor_from": self.floor_from,
            "extractor": {"name": self.extractor, "sha256": self.digest, **self.framing},
            "samples": self.n,
            "repeats": self.repeats,
            "seed": self.seed,
            "device": self.device,
            "figures": {name: score.as_dict() for name, score in self.scores.items()},
            "shares": list(self.shares),
            "notes": list(self.notes),
            "warnings": list(self.warnings),
            "seconds": round(self.seconds, 3),
        }
