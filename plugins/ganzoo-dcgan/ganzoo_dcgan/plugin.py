"""What ganzoo-dcgan supplies: the variant ``dcgan`` and the backbone of the same name. Free of torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ganzoo.options import Count, GANOptions, NonNegative, OptimizerSpec, Options, Probability
from ganzoo.registry import BackboneSpec, Paper, VariantSpec, hookimpl

Norm = Literal["batch", "layer", "instance", "none"]


ADAM = OptimizerSpec(lr=5e-4)


class DCGANOptions(GANOptions):
    """Options of DCGAN; Adam (0.5, 0.999) as in the paper, at the rate that learns MNIST best (the paper's is 2e-4)."""

    d_optimizer: OptimizerSpec = ADAM
    """Optimizer of the discriminator."""
    g_optimizer: OptimizerSpec = ADAM
    """Optimizer of the generator."""
    label_smoothing: Probability = 0.0
    """Target of real images is 1 minus this (one-sided smoothing); 0.1 holds back an over-confident discriminator."""
    r1: NonNegative = 0.0
    """Weight gamma of half the discriminator's squared slope at real images (R1); not in the paper, 0 skips it."""


class DCGANNetOptions(Options):
    """Options of the convolutional networks."""

    latent_dim: Count = 100
    """Size of the latent vector z."""
    width: Count = 64
    """Feature maps at the largest size; each halving of the size doubles them."""
    hidden: Annotated[int, Field(ge=0)] | None = None
    """Units of a fully connected layer after the latent and of one before the score, 0 for none; None is what the
    authors' code has, 1024 for 28 pixels and 0 for other sizes."""
    g_norm: Norm = "batch"
    """Normalisation in the generator, everywhere but at its output; layer is over channels and pixels."""
    d_norm: Norm | Literal["auto"] = "auto"
    """Normalisation in the discriminator, everywhere but at its input; auto is batch, or layer under a penalty."""
    dropout: Probability = 0.0
    """Dropout after each of the discriminator's activations; the paper has none."""


DCGAN = VariantSpec(
    name="dcgan",
    summary="Strided convolutions and batch norm: the networks most GANs start from",
    builder="ganzoo_dcgan.dcgan:build",
    options=DCGANOptions,
    backbone="dcgan",
    paper=Paper(
        authors="Radford et al.",
        year=2016,
        title="Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks",
        arxiv="1511.06434",
    ),
    tags=("convolutional", "batch-norm", "cross-entropy", "non-saturating"),
    training={"batch_size": 64},
)

DCGAN_BACKBONE = BackboneSpec(
    name="dcgan",
    summary="Strided convolutions with batch norm for square images, grey or colour, with or without labels",
    builder="ganzoo_dcgan.dcgan:build_networks",
    options=DCGANNetOptions,
    sizes="28, or a power of two from 8 to 128",
)


@hookimpl
def ganzoo_variants() -> list[VariantSpec]:
    return [DCGAN]


@hookimpl
def ganzoo_backbones() -> list[BackboneSpec]:
    return [DCGAN_BACKBONE]
