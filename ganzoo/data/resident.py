"""Batches from images that lie on the device as uint8: no DataLoader, no copies from the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from ganzoo.errors import GanzooError
from ganzoo.game.batch import Batch

from .convert import normalise
from .domains import joint_fingerprint, order_groups
from .images import ImageSet
from .info import DataInfo
from .pacing import PacedBatcher
from .sampler import EpochRing


class ResidentBatcher(PacedBatcher):
    """Draws from images on the device; labels are drawn with them where there is one domain and it has labels.

    Args:
        domains: the images of each domain, by the name that they have in a batch.
        info: of the data set (of its first domain).
        batch_size: B, images in a batch.
        seed: of the order.
        device: where the images go.
        paired: whether sample i of one domain belongs to sample i of the others.
        rounds: the most draws in one iteration.
        rank: which of ``world`` ranks this is.
        world: number of ranks.

    Raises:
        IncompatiblePartsError: paired domains of different sizes.
        DataError: a domain without images.
    """

    storage: Literal["device"] = "device"

    def __init__(
        self,
        domains: Mapping[str, ImageSet],
        *,
        info: DataInfo,
        batch_size: int,
        seed: int,
        device: torch.device,
        paired: bool = False,
        rounds: int = 8,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        super().__init__(batch_size=batch_size, device=device, rank=rank, world=world)
        groups = order_groups(domains, seed=seed, name=info.name, paired=paired)
        span = rounds * batch_size * world
        self.info = info
        self.size = max(order.size for order, _ in groups)
        self.fingerprint = joint_fingerprint(domains)
        self.rounds = rounds
        self._images = {domain: images.images.to(device) for domain, images in domains.items()}
        self._labels = _labels(domains, device)
        self._rings = [
            (EpochRing(order, batch_size=batch_size, span=span, device=device, rank=rank, world=world), names)
            for order, names in groups
        ]

    @classmethod
    def from_tensors(
        cls,
        domains: Mapping[str, Tensor],
        labels: Tensor | None = None,
        *,
        batch_size: int,
        seed: int = 0,
        device: torch.device | str = "cpu",
        paired: bool = False,
        rounds: int = 8,
    ) -> ResidentBatcher:
        """A batcher from tensors alone, for notebooks and tests.

        Args:
            domains: uint8 (N, C, H, W) for each domain; ``{"images": images}`` for a game with one.
            labels: int64 (N,) in [0, number of classes), where there is one domain.
            batch_size: B, images in a batch.
            seed: of the order.
            device: where the images go.
            paired: whether sample i of one domain belongs to sample i of the others.
            rounds: the most draws in one iteration.
        """
        sets = {domain: ImageSet(images, labels) for domain, images in domains.items()}
        n, channels, height, width = next(iter(domains.values())).shape
        classes = () if labels is None else tuple(str(label) for label in range(int(labels.max()) + 1))
        info = DataInfo(
            name="tensors", channels=channels, height=height, width=width, classes=classes, sizes=(("train", n),)
        )
        return cls(
            sets,
            info=info,
            batch_size=batch_size,
            seed=seed,
            device=torch.device(device),
            paired=paired,
            rounds=rounds,
        )

    def _seek(self, position: int) -> None:
        for ring, _ in self._rings:
            ring.seek(position)

    def _fill(self, position: int, rounds: int) -> None:
        if rounds > self.rounds:
            raise GanzooError(
                f"an iteration draws {rounds} batches, but the sampler was made for at most {self.rounds}",
                fix=f"open the data with rounds={rounds}",
            )
        for ring, _ in self._rings:
            ring.refill(position)

    def _take(self, round_index: int) -> Batch:
        batch = Batch()
        for ring, names in self._rings:
            indices = ring.draw()
            batch.update({name: normalise(self._images[name].index_select(0, indices)) for name in names})
            if self._labels is not None:
                batch["labels"] = self._labels[indices]
        return batch


def _labels(domains: Mapping[str, ImageSet], device: torch.device) -> Tensor | None:
    """The labels of the only domain, None where there are several or no labels."""
    first, *others = domains.values()
    return None if others or first.labels is None else first.labels.to(device)
