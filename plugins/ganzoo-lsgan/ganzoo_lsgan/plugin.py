"""What ganzoo-lsgan supplies: the variant ``lsgan``, on the backbone ``dcgan``. Free of torch."""

from __future__ import annotations

from pydantic import model_validator

from ganzoo.options import GANOptions, NonNegative, OptimizerSpec
from ganzoo.registry import Paper, VariantSpec, hookimpl

ADAM = OptimizerSpec(lr=5e-4)


class LSGANOptions(GANOptions):
    """Options of LSGAN; Adam (0.5, 0.999) as in the authors' code, at a rate that learns MNIST better than 2e-4."""

    d_optimizer: OptimizerSpec = ADAM
    """Optimizer of the discriminator."""
    g_optimizer: OptimizerSpec = ADAM
    """Optimizer of the generator."""
    fake_target: float = 0.0
    """The score a that the discriminator should give to fakes."""
    real_target: float = 1.0
    """The score b that the discriminator should give to real images; above the fake target."""
    generator_target: float = 1.0
    """The score c that the generator wants for its fakes; above the fake target."""
    r1: NonNegative = 0.0
    """Weight gamma of half the discriminator's squared slope at real images (R1); not in the paper, 0 skips it."""

    @model_validator(mode="after")
    def _higher_is_more_real(self) -> LSGANOptions:
        for name in ("real_target", "generator_target"):
            if getattr(self, name) <= self.fake_target:
                raise ValueError(f"{name} is {getattr(self, name)}: set it above fake_target, {self.fake_target}")
        return self


LSGAN = VariantSpec(
    name="lsgan",
    summary="Least squares in place of cross-entropy: fakes are pulled to the boundary from both sides",
    builder="ganzoo_lsgan.lsgan:build",
    options=LSGANOptions,
    backbone="dcgan",
    paper=Paper(
        authors="Mao et al.", year=2017, title="Least Squares Generative Adversarial Networks", arxiv="1611.04076"
    ),
    tags=("least-squares", "convolutional"),
    training={"batch_size": 64},
)


@hookimpl
def ganzoo_variants() -> list[VariantSpec]:
    return [LSGAN]
