"""Batches for any toy game, a pure function of how many images were drawn before."""

from __future__ import annotations

import torch

from ganzoo.data import DataInfo
from ganzoo.data.batcher import Batcher
from ganzoo.game import Batch, DataNeeds

from .networks import CLASSES, SHAPE


class ToyBatcher(Batcher):
    """Blobs whose mean depends on their label, seeded by the number of images drawn."""

    def __init__(self, needs: DataNeeds | None = None, *, batch_size: int = 4, seed: int = 0) -> None:
        self.needs = needs or DataNeeds()
        self.batch_size = batch_size
        self.seed = seed
        self.size = 12
        self.fingerprint = "0" * 64
        names = tuple(str(label) for label in range(CLASSES)) if self.needs.labels else ()
        self.info = DataInfo(name="toy", channels=SHAPE[0], height=SHAPE[1], width=SHAPE[2], classes=names)
        self._drawn = 0

    @property
    def drawn(self) -> int:
        return self._drawn

    def restore(self, drawn: int) -> None:
        self._drawn = drawn

    def prepare(self, rounds: int) -> None:
        pass

    def draw(self) -> Batch:
        rng = torch.Generator().manual_seed(self.seed * 1_000_003 + self._drawn)
        labels = torch.randint(CLASSES, (self.batch_size,), generator=rng)
        means = (labels.float() / CLASSES - 0.5).view(-1, 1, 1, 1)
        batch = Batch(
            {
                domain: (means + 0.3 * torch.randn(self.batch_size, *SHAPE, generator=rng)).clamp(-1, 1)
                for domain in self.needs.domains
            }
        )
        if self.needs.labels:
            batch["labels"] = labels
        self._drawn += self.batch_size
        return batch
