from __future__ import annotations

import pytest
from toys import (
    R1,
    BatchNormDiscriminator,
    EnergyBalance,
    EnergyDiscriminator,
    Logistic,
    TinyDiscriminator,
    TinyGenerator,
)

from ganzoo.errors import IncompatiblePartsError
from ganzoo.game import GAN


def test_a_loss_that_needs_an_energy_refuses_a_free_score() -> None:
    with pytest.raises(
        IncompatiblePartsError, match=r"EnergyBalance needs .*reconstruction error.*TinyDiscriminator is"
    ):
        GAN(TinyGenerator(), TinyDiscriminator(), EnergyBalance())


def test_a_loss_on_free_scores_refuses_an_energy() -> None:
    with pytest.raises(IncompatiblePartsError, match=r"EnergyDiscriminator scores .*never positive.*Logistic"):
        GAN(TinyGenerator(), EnergyDiscriminator(), Logistic())


def test_a_per_sample_penalty_refuses_a_discriminator_that_mixes_the_batch() -> None:
    with pytest.raises(IncompatiblePartsError, match=r"R1 takes each score's gradient.*BatchNormDiscriminator mixes"):
        GAN(TinyGenerator(), BatchNormDiscriminator(), Logistic(), penalties=[R1()])


def test_a_penalty_that_allows_for_mixing_is_accepted() -> None:
    class Tolerant(R1):
        per_sample = False

    assert len(GAN(TinyGenerator(), BatchNormDiscriminator(), Logistic(), penalties=[Tolerant()]).penalties) == 1


@pytest.mark.parametrize(
    ("g_classes", "d_classes", "reason"),
    [
        (3, None, "TinyGenerator takes 3 classes, TinyDiscriminator takes no labels"),
        (None, 3, "TinyGenerator takes no labels, TinyDiscriminator takes 3 classes"),
        (3, 4, "TinyGenerator takes 3 classes, TinyDiscriminator takes 4 classes"),
    ],
)
def test_labels_on_one_side_alone_are_refused(g_classes: int | None, d_classes: int | None, reason: str) -> None:
    with pytest.raises(IncompatiblePartsError, match=reason) as caught:
        GAN(TinyGenerator(classes=g_classes), TinyDiscriminator(classes=d_classes), Logistic())
    assert caught.value.fix == "build both with the same number of classes"


def test_a_game_whose_own_head_reads_the_labels_may_keep_them_from_the_score() -> None:
    class Auxiliary(GAN):
        labels_in_both = False

    assert Auxiliary(TinyGenerator(classes=3), TinyDiscriminator(), Logistic()).needs.labels
