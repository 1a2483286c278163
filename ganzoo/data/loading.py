"""From options to batches: which data, whether the game can play on it, and where it is held."""

from __future__ import annotations

import os
from math import prod
from pathlib import Path

import torch

from ganzoo.errors import IncompatiblePartsError
from ganzoo.game import DataNeeds

from .batcher import Batcher
from .catalog import find_source
from .info import DataInfo
from .options import DataOptions
from .resident import ResidentBatcher
from .streaming import StreamBatcher

_SHARE = 4
_MOST_ON_CPU = 4 << 30


def open_batches(
    options: DataOptions,
    *,
    needs: DataNeeds,
    batch_size: int,
    seed: int,
    device: torch.device,
    rounds: int = 8,
    rank: int = 0,
    world: int = 1,
) -> Batcher:
    """Batches of the data that ``options`` name, for a game that asks for ``needs``.

    Args:
        options: which data, and how it is held.
        needs: what the game asks of it.
        batch_size: images in a batch.
        seed: of the order.
        device: where batches are wanted.
        rounds: the most batches in one iteration, the length of the game's longest plan.
        rank: which of ``world`` ranks this is.
        world: number of ranks.

    Returns:
        Batches, whose ``storage`` says where the images are: ``device`` or ``stream``.

    Raises:
        IncompatiblePartsError: the data lacks what the game asks for.
        DataError: files are missing or corrupt; see :class:`~ganzoo.data.Source`.
    """
    source = find_source(options)
    info = source.info
    check_needs(info, needs)
    if stored_on_device(options, info, device):
        return ResidentBatcher(
            {"images": source.load(options.split)},
            info=info,
            batch_size=batch_size,
            seed=seed,
            device=device,
            rounds=rounds,
            rank=rank,
            world=world,
        )
    return StreamBatcher(
        {"images": source.open(options.split)},
        info=info,
        batch_size=batch_size,
        seed=seed,
        device=device,
        workers=options.workers,
        rank=rank,
        world=world,
    )


def check_needs(info: DataInfo, needs: DataNeeds) -> None:
    """Refuse data that lacks what a game asks for.

    Raises:
        IncompatiblePartsError: no labels, or not the domains.
    """
    if needs.domains != ("images",):
        raise IncompatiblePartsError(
            f"the game plays on the domains {', '.join(needs.domains)}, but data set {info.name} has one domain",
            fix="make the batches with ResidentBatcher.from_tensors, which takes several domains",
        )
    if needs.labels and not info.classes:
        raise IncompatiblePartsError(
            f"data set {info.name} has no labels, but the game needs them",
            fix="train without --conditional, or on data with labels (a folder has them in one sub-folder per class)",
        )


def stored_on_device(options: DataOptions, info: DataInfo, device: torch.device) -> bool:
    """Whether the images are held on the device: as asked for, else if they take at most a quarter of its free memory.

    On a CPU no more than 4 GiB.
    """
    if options.storage != "auto":
        return options.storage == "device"
    return prod(info.shape) * info.count(options.split) <= free_memory(device) // _SHARE


def free_memory(device: torch.device) -> int:
    """Free bytes on ``device``; on a CPU capped at four times what images may take there."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return min(_available_ram(), _SHARE * _MOST_ON_CPU)


def _available_ram() -> int:
    """Bytes that programs may still take; where the system tells only of the whole, half of that."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    if hasattr(os, "sysconf"):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return _MOST_ON_CPU
