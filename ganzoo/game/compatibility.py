"""Which parts work together, judged from their flags when a game is built and never in the middle of a run."""

from __future__ import annotations

from collections.abc import Sequence

from ganzoo.errors import IncompatiblePartsError

from .loss import Loss, Penalty
from .networks import Discriminator, Generator


def check_parts(discriminator: Discriminator, loss: Loss, penalties: Sequence[Penalty]) -> None:
    """Refuse a loss or a penalty that cannot work with ``discriminator``.

    Raises:
        IncompatiblePartsError: with the reason.
    """
    d, objective = type(discriminator).__name__, type(loss).__name__
    if loss.needs_energy and not discriminator.energy:
        raise IncompatiblePartsError(
            f"{objective} needs a discriminator whose score is minus a reconstruction error, and {d} is none",
            fix="choose a backbone with an autoencoder for a discriminator, or leave --backbone out",
        )
    if discriminator.energy and not loss.needs_energy:
        raise IncompatiblePartsError(
            f"{d} scores by minus a reconstruction error, which is never positive, and {objective} needs a free score",
            fix="choose a backbone whose discriminator is no autoencoder, or leave --backbone out",
        )
    for penalty in penalties:
        if penalty.per_sample and discriminator.mixes_batch:
            raise IncompatiblePartsError(
                f"{type(penalty).__name__} takes each score's gradient at its own image, and {d} mixes the images of a "
                "batch (batch norm), so one image's score has gradients at all the others",
                fix="choose layer norm or no norm for the discriminator (--net.d-norm layer)",
            )


def check_labels(generator: Generator, discriminator: Discriminator) -> None:
    """Refuse a pair of which only one takes labels, or whose numbers of classes differ.

    Raises:
        IncompatiblePartsError: with the reason.
    """
    if generator.classes == discriminator.classes:
        return
    g, d = (
        f"{type(network).__name__} takes {f'{network.classes} classes' if network.conditional else 'no labels'}"
        for network in (generator, discriminator)
    )
    raise IncompatiblePartsError(
        f"the same labels must reach both networks: {g}, {d}", fix="build both with the same number of classes"
    )
