"""ganzoo-lsgan: what it declares, and its loss against values worked out by hand."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from ganzoo.data import DataInfo
from ganzoo.game import Batch, Discriminator, Generator, Networks, Turn
from ganzoo_lsgan.lsgan import LeastSquaresLoss, build
from ganzoo_lsgan.plugin import LSGAN, LSGANOptions, ganzoo_variants


class Latent(Generator):
    """The latent itself, as an image."""

    def __init__(self) -> None:
        super().__init__(4)
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        return (latent * self.scale).tanh().view(-1, 1, 2, 2)


class Mean(Discriminator):
    """The mean of the pixels, scaled."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.scale * images.mean(dim=(1, 2, 3))


def test_declares_the_variant_on_a_backbone_by_name() -> None:
    assert ganzoo_variants() == [LSGAN]
    assert LSGAN.backbone == "dcgan"


def test_plugin_module_leaves_torch_and_other_plugins_unimported() -> None:
    code = "import sys, ganzoo_lsgan.plugin; sys.exit(bool({'torch', 'ganzoo_dcgan'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_both_terms_of_the_discriminator_have_the_weight_one_half() -> None:
    terms = LeastSquaresLoss().discriminator(torch.tensor([3.0, 1.0]), torch.tensor([2.0, 0.0]))
    # 1/2 mean((3 - 1)^2, (1 - 1)^2) = 1, and 1/2 mean((2 - 0)^2, 0^2) = 1.
    assert {name: term.item() for name, term in terms.items()} == {"real": 1.0, "fake": 1.0}


def test_generator_wants_its_own_target() -> None:
    scores = torch.tensor([3.0, -1.0])
    assert LeastSquaresLoss().generator(scores)["fake"].item() == pytest.approx((4 + 4) / 4)
    assert LeastSquaresLoss(-1, 1, 0).generator(scores)["fake"].item() == pytest.approx((9 + 1) / 4)


def test_targets_are_the_optima() -> None:
    loss = LeastSquaresLoss(fake_target=-1, real_target=2, generator_target=1.5)
    terms = loss.discriminator(torch.full((3,), 2.0), torch.full((3,), -1.0))
    assert [term.item() for term in terms.values()] == [0, 0]
    assert loss.generator(torch.full((3,), 1.5))["fake"].item() == 0


@pytest.mark.parametrize(("score", "direction"), [(-4.0, -1), (6.0, 1)])
def test_generator_is_pulled_to_its_target_from_both_sides(score: float, direction: int) -> None:
    fake = torch.tensor([score], requires_grad=True)
    (gradient,) = torch.autograd.grad(LeastSquaresLoss().generator(fake)["fake"], [fake])
    assert gradient.item() == pytest.approx(5 * direction)


def test_accuracies_are_judged_midway_between_the_targets() -> None:
    shown = LeastSquaresLoss(-1, 2, 1).diagnostics(torch.tensor([0.6, 0.4]), torch.tensor([0.4, 0.3]))
    assert {name: value.item() for name, value in shown.items()} == {"accuracy_real": 0.5, "accuracy_fake": 1.0}


@pytest.mark.parametrize("bad", [{"real_target": 0.0}, {"generator_target": -1.0}, {"fake_target": 1.0}])
def test_targets_that_turn_the_score_round_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="above fake_target"):
        LSGANOptions.model_validate(bad)


def test_repr_shows_the_targets() -> None:
    assert repr(LeastSquaresLoss()) == "LeastSquaresLoss(a=0.0, b=1.0, c=1.0)"


def test_a_game_plays_the_loss_of_its_options() -> None:
    options = LSGANOptions(fake_target=-1, real_target=1, generator_target=0)
    game = build(options, Networks(Latent(), Mean()), DataInfo(name="toy", channels=1, height=2, width=2))
    turn = Turn(
        batch=Batch(images=torch.ones(3, 1, 2, 2)),
        rng=torch.Generator().manual_seed(0),
        step=torch.tensor(0),
        players=("d", "g"),
    )
    terms = {player.name: player.loss(turn) for player in game.players()}
    assert terms["d"]["real"].item() == 0  # the mean of ones is the target of real images
    fake = game.fake(turn).mean(dim=(1, 2, 3))
    torch.testing.assert_close(terms["d"]["fake"], 0.5 * (fake + 1).square().mean())
    torch.testing.assert_close(terms["g"]["fake"], 0.5 * fake.square().mean())
    assert turn.shown.keys() == {"accuracy_real", "accuracy_fake"}
