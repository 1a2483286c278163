"""The shared losses, against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from ganzoo.errors import ConfigError
from ganzoo.parts.losses import NonSaturatingLoss, accuracies

LOG_3 = math.log(3.0)


def test_score_zero_costs_log_two_everywhere() -> None:
    loss, zeros = NonSaturatingLoss(), torch.zeros(5)
    terms = {
        **{f"d/{k}": v for k, v in loss.discriminator(zeros, zeros).items()},
        "g/fake": loss.generator(zeros)["fake"],
    }
    assert {name: pytest.approx(math.log(2)) for name in ("d/real", "d/fake", "g/fake")} == {
        name: term.item() for name, term in terms.items()
    }


def test_terms_are_the_logarithms_of_the_probabilities() -> None:
    # A score of log 3 is the probability 3/4.
    scores = torch.tensor([LOG_3, -LOG_3])
    loss = NonSaturatingLoss()
    mean = -(math.log(3 / 4) + math.log(1 / 4)) / 2
    d = loss.discriminator(scores, torch.tensor([LOG_3]))
    assert d["real"].item() == pytest.approx(mean)
    assert d["fake"].item() == pytest.approx(-math.log(1 / 4))
    assert loss.generator(torch.tensor([LOG_3]))["fake"].item() == pytest.approx(-math.log(3 / 4))


def test_label_smoothing_moves_the_target_of_real_images_alone() -> None:
    scores = torch.tensor([LOG_3])
    terms = NonSaturatingLoss(label_smoothing=0.1).discriminator(scores, scores)
    assert terms["real"].item() == pytest.approx(-0.9 * math.log(3 / 4) - 0.1 * math.log(1 / 4))
    assert terms["fake"].item() == pytest.approx(-math.log(1 / 4))


def test_smoothed_optimum_lies_where_the_probability_is_the_target() -> None:
    scores = torch.tensor([math.log(9)], requires_grad=True)  # probability 0.9
    term = NonSaturatingLoss(label_smoothing=0.1).discriminator(scores, torch.zeros(1))["real"]
    (gradient,) = torch.autograd.grad(term, [scores])
    assert gradient.item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_extreme_scores_stay_finite(smoothing: float) -> None:
    loss, scores = NonSaturatingLoss(smoothing), torch.tensor([-1e4, 1e4], requires_grad=True)
    terms = [*loss.discriminator(scores, scores).values(), loss.generator(scores)["fake"]]
    (gradient,) = torch.autograd.grad(torch.stack(terms).sum(), scores)
    assert torch.isfinite(torch.stack(terms)).all()
    assert torch.isfinite(gradient).all()


def test_gradients_point_the_right_way() -> None:
    real, fake = torch.zeros(2, requires_grad=True), torch.zeros(2, requires_grad=True)
    loss = NonSaturatingLoss()
    d_real, d_fake = torch.autograd.grad(torch.stack([*loss.discriminator(real, fake).values()]).sum(), [real, fake])
    (g_fake,) = torch.autograd.grad(loss.generator(fake)["fake"], [fake])
    # d log sigma(s) / ds = 1 - sigma(s) = 1/2 at 0, averaged over two images.
    torch.testing.assert_close(d_real, torch.full((2,), -0.25))
    torch.testing.assert_close(d_fake, torch.full((2,), 0.25))
    torch.testing.assert_close(g_fake, torch.full((2,), -0.25))


def test_generator_gradient_does_not_vanish_on_rejected_fakes() -> None:
    fake = torch.tensor([-50.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(NonSaturatingLoss().generator(fake)["fake"], [fake])
    assert gradient.item() == pytest.approx(-1)


def test_accuracies_count_the_right_side() -> None:
    shown = accuracies(torch.tensor([1.0, 0.5, -2.0, 3.0]), torch.tensor([-1.0, 0.4, 0.5, 0.6]), threshold=0.5)
    assert {name: value.item() for name, value in shown.items()} == {"accuracy_real": 0.5, "accuracy_fake": 0.5}


def test_diagnostics_judge_at_probability_one_half() -> None:
    shown = NonSaturatingLoss().diagnostics(torch.tensor([0.1, -0.1]), torch.tensor([-0.1, -0.2]))
    assert {name: value.item() for name, value in shown.items()} == {"accuracy_real": 0.5, "accuracy_fake": 1.0}


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_label_smoothing_out_of_range_is_refused(smoothing: float) -> None:
    with pytest.raises(ConfigError, match=str(smoothing)):
        NonSaturatingLoss(smoothing)


def test_repr_shows_the_smoothing() -> None:
    assert repr(NonSaturatingLoss(0.1)) == "NonSaturatingLoss(label_smoothing=0.1)"
