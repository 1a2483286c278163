"""What ganzoo-vanilla supplies: the variant ``vanilla`` and its backbone ``mlp``. Free of torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ganzoo.options import Count, GANOptions, NonNegative, OptimizerSpec, Options, Probability
from ganzoo.registry import BackboneSpec, Paper, VariantSpec, hookimpl


class VanillaOptions(GANOptions):
    """Options of the first GAN; its learning rate is the one that MNIST was learnt fastest with."""

    d_optimizer: OptimizerSpec = OptimizerSpec(lr=1e-3)
    """Optimizer of the discriminator."""
    g_optimizer: OptimizerSpec = OptimizerSpec(lr=1e-3)
    """Optimizer of the generator."""
    label_smoothing: Probability = 0.0
    """Target of real images is 1 minus this (one-sided smoothing); 0.1 holds back an over-confident discriminator."""
    r1: NonNegative = 0.0
    """Weight gamma of half the discriminator's squared slope at real images (R1); not in the paper, 0 skips it."""


class MLPOptions(Options):
    """Options of the fully connected networks."""

    latent_dim: Count = 100
    """Size of the latent vector z."""
    g_widths: Annotated[tuple[Count, ...], Field(min_length=1)] = (512, 1024)
    """Units in the generator's hidden layers, from the latent to the image."""
    d_widths: Annotated[tuple[Count, ...], Field(min_length=1)] = (1024, 512)
    """Units in the discriminator's hidden layers, from the image to the score."""
    g_norm: Literal["none", "batch", "layer"] = "batch"
    """Normalisation in the generator's hidden layers but the first."""
    dropout: Probability = 0.3
    """Dropout after each of the discriminator's hidden layers."""


VANILLA = VariantSpec(
    name="vanilla",
    summary="The first GAN: two MLPs, cross-entropy, non-saturating generator",
    builder="ganzoo_vanilla.vanilla:build",
    options=VanillaOptions,
    backbone="mlp",
    paper=Paper(authors="Goodfellow et al.", year=2014, title="Generative Adversarial Nets", arxiv="1406.2661"),
    tags=("mlp", "cross-entropy", "non-saturating"),
    training={"batch_size": 64},
)

MLP = BackboneSpec(
    name="mlp",
    summary="Fully connected generator and discriminator for small images of any shape",
    builder="ganzoo_vanilla.vanilla:build_networks",
    options=MLPOptions,
)


@hookimpl
def ganzoo_variants() -> list[VariantSpec]:
    return [VANILLA]


@hookimpl
def ganzoo_backbones() -> list[BackboneSpec]:
    return [MLP]
