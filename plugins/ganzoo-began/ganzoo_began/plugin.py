"""Specs of the plugin ganzoo-began. Importing this module does not import torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from ganzoo.options import Count, GANOptions, OptimizerSpec, Options, Positive
from ganzoo.registry import BackboneSpec, Paper, VariantSpec, hookimpl

SIZES = "square images of 28 px, or of 5 to 8 px times a power of two, from 8 px"


class BEGANOptions(GANOptions):
    """Options of BEGAN, with the values at which MNIST was seen to keep all its digits."""

    d_optimizer: OptimizerSpec = OptimizerSpec(lr=5e-4, weight_decay=1e-4)
    """Optimizer of the autoencoding discriminator; its weight decay bounds how sharp that gets, and keeps k up."""
    g_optimizer: OptimizerSpec = OptimizerSpec(lr=2e-3)
    """Optimizer of the generator; a faster generator lets the controller raise k, which evens out the classes."""
    gamma: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Diversity ratio: the error of fake images over that of real ones at equilibrium; more is more diverse."""
    lambda_k: Positive = 0.1
    """Proportional gain of the controller that moves k after every update."""
    lr_patience: Annotated[int, Field(ge=0)] = 10_000
    """Iterations whose mean of M must be below every earlier such mean, or the learning rates fall; 0 keeps them."""
    lr_decay: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    """Factor on both learning rates when M has stalled."""


class DenseNetOptions(Options):
    """A fully connected autoencoder, and a generator of transposed convolutions with batch norm."""

    latent_dim: Count = 64
    """Size of a latent (N_z in the paper)."""
    hidden_dim: Count = 32
    """Size of the autoencoder's hidden state (N_h in the paper, which has it equal to that of a latent)."""
    width: Count = 512
    """Units of the autoencoder's layers between an image and its hidden state."""
    generator_width: Count = 16
    """Maps of the generator's last hidden layer; every earlier one has twice as many."""
    eta: Literal[1, 2] = 2
    """Exponent of the reconstruction error: 1 for absolute, 2 for squared differences."""


class BEGANNetOptions(Options):
    """The autoencoder and the generator of the paper, narrower by default than its own (width 64 or 128)."""

    latent_dim: Count = 32
    """Size of a latent (N_z in the paper)."""
    hidden_dim: Count | None = None
    """Size of the autoencoder's hidden state (N_h in the paper); None for that of a latent, as in the paper."""
    width: Count = 16
    """Channels of the decoder and of the encoder's first stage (n in the paper); stage i of the encoder has i * n."""
    generator_width: Count | None = None
    """Channels of the generator; None for those of the decoder, as in the paper."""
    repeats: Count = 1
    """3x3 convolutions in each stage; the paper saw better pictures with more."""
    skip: bool = False
    """Feed the decoder's first tensor to each of its later stages too (skip connections of the paper's section 3.5)."""
    eta: Literal[1, 2] = 1
    """Exponent of the reconstruction error: 1 for absolute, 2 for squared differences."""


@hookimpl
def ganzoo_variants() -> Sequence[VariantSpec]:
    """The variant ``began``."""
    return [
        VariantSpec(
            name="began",
            summary="autoencoding discriminator, kept in balance with the generator by a controller",
            builder="ganzoo_began.began:build",
            options=BEGANOptions,
            backbone="began-dense",
            paper=Paper(
                authors="Berthelot, Schumm & Metz",
                year=2017,
                title="BEGAN: Boundary Equilibrium Generative Adversarial Networks",
                arxiv="1703.10717",
            ),
            tags=("wasserstein", "autoencoder", "energy"),
            training={"batch_size": 64},
        )
    ]


@hookimpl
def ganzoo_backbones() -> Sequence[BackboneSpec]:
    """The backbones ``began-dense`` and ``began``."""
    return [
        BackboneSpec(
            name="began-dense",
            summary="a fully connected autoencoder, and a generator of transposed convolutions with batch norm",
            builder="ganzoo_began.dense:build_networks",
            options=DenseNetOptions,
            sizes=SIZES,
        ),
        BackboneSpec(
            name="began",
            summary="3x3 convolutions with ELU and no norm: an autoencoder, and a generator shaped like its decoder",
            builder="ganzoo_began.networks:build_networks",
            options=BEGANNetOptions,
            sizes=SIZES,
        ),
    ]
