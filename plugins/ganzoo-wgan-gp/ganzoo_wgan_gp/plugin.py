"""Specs of the plugin ganzoo-wgan-gp. Importing this module does not import torch."""

from __future__ import annotations

from collections.abc import Sequence

from ganzoo.options import Count, GANOptions, NonNegative, OptimizerSpec, Options, ScheduleSpec
from ganzoo.registry import BackboneSpec, Paper, VariantSpec, hookimpl

ADAM = OptimizerSpec(lr=1e-3, betas=(0.5, 0.9))


class WGANGPOptions(GANOptions):
    """Options of WGAN-GP, with the values of the authors' MNIST experiment, but a rate that learns it best (1e-4)."""

    d_optimizer: OptimizerSpec = ADAM
    """Optimizer of the critic."""
    g_optimizer: OptimizerSpec = ADAM
    """Optimizer of the generator."""
    gradient_penalty: NonNegative = 10.0
    """Weight of the gradient penalty, lambda in the paper; 0 leaves the critic unconstrained and skips the penalty."""
    penalty_schedule: ScheduleSpec = ScheduleSpec()
    """How the weight of the gradient penalty moves with the iteration."""
    n_critic: Count = 5
    """Critic updates for each generator update, each on a batch and latents of its own."""
    one_sided: bool = False
    """Punish only gradient norms above 1; the paper's two-sided penalty also punishes those below."""


class WGANGPNetOptions(Options):
    """Networks of the authors' MNIST experiment, for other image sizes too."""

    latent_dim: Count = 128
    """Size Z of a latent."""
    width: Count = 64
    """Channels of the layer next to the image (DIM in the authors' code); deeper layers double them, up to 8 times."""


@hookimpl
def ganzoo_variants() -> Sequence[VariantSpec]:
    """The variant ``wgan-gp``."""
    return [
        VariantSpec(
            name="wgan-gp",
            summary="Wasserstein distance with a gradient penalty on the critic",
            builder="ganzoo_wgan_gp.wgan_gp:build",
            options=WGANGPOptions,
            backbone="wgan-gp",
            paper=Paper(
                authors="Gulrajani, Ahmed, Arjovsky, Dumoulin & Courville",
                year=2017,
                title="Improved Training of Wasserstein GANs",
                arxiv="1704.00028",
            ),
            tags=("wasserstein", "gradient-penalty"),
            per_sample_scores=True,
            training={"batch_size": 50},
        )
    ]


@hookimpl
def ganzoo_backbones() -> Sequence[BackboneSpec]:
    """The backbone ``wgan-gp``."""
    return [
        BackboneSpec(
            name="wgan-gp",
            summary="5x5 strided convolutions without norm layers, from the authors' MNIST experiment",
            builder="ganzoo_wgan_gp.wgan_gp:build_networks",
            options=WGANGPNetOptions,
            sizes="square images of 8 px and above",
        )
    ]
