"""What resident and streamed batches have in common: the order in which each domain is drawn, and one fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from ganzoo.errors import DataError, IncompatiblePartsError

from .sampler import EpochOrder
from .source import Stream

OrderGroup = tuple[EpochOrder, tuple[str, ...]]
"""An order and the domains that are drawn in it."""


def order_groups(domains: Mapping[str, Stream], *, seed: int, name: str, paired: bool) -> list[OrderGroup]:
    """One order for all domains where they are ``paired``, else one for each.

    Args:
        domains: the images of each domain.
        seed: of the run.
        name: of the data set. What follows a colon is left out, so that a folder that was moved keeps its order.
        paired: whether sample i of one domain belongs to sample i of the others.

    Raises:
        IncompatiblePartsError: paired domains of different sizes.
        DataError: a domain without images.
    """
    sizes = {domain: len(images) for domain, images in domains.items()}
    for domain, size in sizes.items():
        if size == 0:
            raise DataError(f"data set {name} has no {domain}")
    key = name.partition(":")[0]
    if not paired and len(sizes) > 1:
        return [(EpochOrder(size, seed=seed, name=f"{key}/{domain}"), (domain,)) for domain, size in sizes.items()]
    if len(set(sizes.values())) > 1:
        raise IncompatiblePartsError(
            f"the game takes paired images, but data set {name} has domains of different sizes: {sizes}",
            fix="take data in which sample i of one domain belongs to sample i of the other",
        )
    return [(EpochOrder(next(iter(sizes.values())), seed=seed, name=key), tuple(sizes))]


def joint_fingerprint(domains: Mapping[str, Stream]) -> str:
    """SHA-256, hex: that of the images where there is one domain, else one over all."""
    prints = {domain: images.fingerprint for domain, images in domains.items()}
    if len(prints) == 1:
        return next(iter(prints.values()))
    return hashlib.sha256(repr(sorted(prints.items())).encode()).hexdigest()
