"""The shared penalties, against values worked out by hand, and in the variants that offer them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import ganzoo
from ganzoo.errors import ConfigError
from ganzoo.parts.penalties import R1


def test_r1_is_half_gamma_times_the_mean_squared_slope() -> None:
    # D(x) = a sum x^2 has the slope 2 a x, so the penalty is gamma / 2 * mean over images of 4 a^2 sum x^2.
    real = torch.rand(5, 2, 3, 3).requires_grad_()
    scores = 0.7 * real.square().sum(dim=(1, 2, 3))
    expected = 3.0 / 2 * (4 * 0.7**2 * real.square().sum(dim=(1, 2, 3))).mean()
    torch.testing.assert_close(R1(3.0).terms(scores, real)["r1"], expected)


def test_r1_is_taken_at_the_real_images_themselves() -> None:
    real, fake = torch.rand(2, 1, 4, 4), torch.rand(2, 1, 4, 4)
    assert R1().points(real, fake, torch.Generator()) is real


def test_a_flat_discriminator_pays_nothing_and_a_negative_weight_is_refused() -> None:
    real = torch.rand(2, 1, 4, 4).requires_grad_()
    assert R1().terms((0 * real).sum(dim=(1, 2, 3)) + 5, real)["r1"].item() == 0
    with pytest.raises(ConfigError, match="gamma is -1"):
        R1(-1)


def test_repr_shows_the_weight() -> None:
    assert repr(R1(2.5)) == "R1(gamma=2.5)"


@pytest.mark.parametrize("variant", ["vanilla", "dcgan", "lsgan"])
def test_a_variant_pays_the_penalty_it_is_told_to(variant: str, tmp_path: Path) -> None:
    def penalties(**options: float) -> list[float]:
        run = ganzoo.train(
            variant, dataset="digits", steps=60, batch_size=16, out=tmp_path, log_every=1, device="cpu",
            engine="eager", threads=1, precision="fp32", seed=0, **options,
        )  # fmt: skip
        return [row["d/r1"] for row in run.metrics() if "d/r1" in row]

    assert penalties() == []
    weak, strong = penalties(r1=0.01), penalties(r1=100.0)
    assert len(weak) == len(strong) == 60
    # A weight ten thousand times as large flattens D: the slope itself ends far lower.
    assert sum(strong[-5:]) / 100.0 < sum(weak[-5:]) / 0.01 / 3
