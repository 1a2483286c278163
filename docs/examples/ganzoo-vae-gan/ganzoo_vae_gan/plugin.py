"""What ganzoo-vae-gan supplies: the variant ``vae-gan``, with its own networks. Free of torch."""

from __future__ import annotations

from ganzoo.options import Count, NonNegative, OptimizerSpec, Options
from ganzoo.registry import Paper, VariantSpec, hookimpl


class VAEGANOptions(Options):
    """Options of the VAE-GAN."""

    e_optimizer: OptimizerSpec = OptimizerSpec(lr=1e-3)
    """Optimizer of the encoder."""
    g_optimizer: OptimizerSpec = OptimizerSpec(lr=1e-3)
    """Optimizer of the decoder, which is the generator."""
    d_optimizer: OptimizerSpec = OptimizerSpec(lr=1e-3)
    """Optimizer of the discriminator."""
    latent_dim: Count = 16
    """Size of the latent vector z."""
    width: Count = 128
    """Units in the hidden layers."""
    likeness: NonNegative = 0.1
    """Weight of the reconstruction in the decoder's loss, gamma in the paper; 0 leaves a GAN."""


@hookimpl
def ganzoo_variants() -> list[VariantSpec]:
    """The variant."""
    return [
        VariantSpec(
            name="vae-gan",
            summary="An autoencoder whose errors are measured in the discriminator's features",
            builder="ganzoo_vae_gan.vae_gan:build",
            options=VAEGANOptions,
            backbone=None,
            paper=Paper(
                authors="Larsen et al.",
                year=2016,
                title="Autoencoding beyond pixels using a learned similarity metric",
                arxiv="1512.09300",
            ),
            tags=("autoencoder", "cross-entropy"),
            training={"batch_size": 64},
            api_version=1,
        )
    ]
