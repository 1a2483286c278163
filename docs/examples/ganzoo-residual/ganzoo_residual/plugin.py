"""What ganzoo-residual supplies: the backbone ``residual``. Free of torch."""

from __future__ import annotations

from ganzoo.options import Count, Options
from ganzoo.registry import BackboneSpec, hookimpl


class ResidualOptions(Options):
    """Options of the residual networks."""

    latent_dim: Count = 64
    """Size of the latent vector z."""
    width: Count = 32
    """Channels of every convolution."""


@hookimpl
def ganzoo_backbones() -> list[BackboneSpec]:
    """The backbone."""
    return [
        BackboneSpec(
            name="residual",
            summary="Two residual blocks each, without normalisation",
            builder="ganzoo_residual.residual:build_networks",
            options=ResidualOptions,
            sizes="sides that 4 divides",
            api_version=1,
        )
    ]
