"""The networks of the BEGAN paper: convolutions with ELU and no norm (Berthelot et al. 2017, arXiv:1703.10717).

What all networks for BEGAN share is here, too: a discriminator that is an autoencoder, and uniform latents.

Letters in shape comments: N batch, C channels, H = W image side, B side of the smallest feature map, Z latent or hidden
state, n width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.errors import IncompatiblePartsError
from ganzoo.game import Discriminator, Generator, Networks
from ganzoo.registry import NetworkRequest

from .plugin import BEGANNetOptions

SMALLEST_SIDE = 8
BASE_SIDES = range(5, 9)


class UniformGenerator(Generator):
    """A generator whose latents are uniform in [-1, 1]."""

    def sample_latent(self, n: int, rng: torch.Generator, *, device: torch.device | str) -> Tensor:
        """Draw ``n`` latents, float32 (N, Z), uniform in [-1, 1]."""
        return torch.rand(n, self.latent_dim, generator=rng, device=device) * 2 - 1


class Autoencoder(Discriminator):
    r"""A discriminator that reconstructs; the score of an image is minus its energy, (N, C, H, H) to (N,).

    .. math:: \mathcal{L}(v) = \tfrac{1}{N_x} \sum_i |v_i - D(v)_i|^\eta

    Args:
        encoder: images (N, C, H, H) to hidden states (N, Z).
        decoder: hidden states to images.
        eta: exponent of the error, 1 or 2.
    """

    energy = True

    def __init__(self, encoder: nn.Module, decoder: nn.Module, *, eta: int = 1) -> None:
        super().__init__()
        self.eta = eta
        self.encoder = encoder
        self.decoder = decoder

    def reconstruct(self, images: Tensor) -> Tensor:
        """D(v): ``images`` (N, C, H, H) to images of that shape."""
        reconstruction: Tensor = self.decoder(self.encoder(images))
        return reconstruction

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Minus the energy of ``images`` (N, C, H, H): scores (N,), never positive."""
        difference = (images - self.reconstruct(images)).flatten(1)
        return -(difference.abs() if self.eta == 1 else difference.square()).mean(1)


class Encoder(nn.Sequential):
    """Images (N, C, H, H) to hidden states (N, Z): stages of 3x3 convolutions with ELU, halving by a stride of 2.

    Stage i = 1, 2, ... has i * n channels; the linear layer that ends it has no activation.
    """

    def __init__(self, shape: tuple[int, int, int], *, latent_dim: int, width: int, repeats: int) -> None:
        base, stages = base_and_stages(shape)
        layers = [*conv_elu(shape[0], width), *stage(width, width, repeats)]
        for i in range(1, stages):
            layers += conv_elu(width * i, width * (i + 1), stride=2)
            layers += stage(width * (i + 1), width * (i + 1), repeats)
        super().__init__(*layers, nn.Flatten(), nn.Linear(width * stages * base**2, latent_dim))
        self.apply(initialise)


class Decoder(nn.Module):
    """Hidden states (N, Z) to images (N, C, H, H), unbounded: stages of n channels, doubling by nearest neighbours.

    With ``skip`` each stage but the first also gets the first tensor (N, n, B, B), enlarged to the stage's side.
    """

    def __init__(self, shape: tuple[int, int, int], *, latent_dim: int, width: int, repeats: int, skip: bool) -> None:
        super().__init__()
        self.base, stages = base_and_stages(shape)
        self.width, self.skip = width, skip
        self.project = nn.Linear(latent_dim, width * self.base**2)
        joined = 2 * width if skip else width
        self.stages = nn.ModuleList(
            nn.Sequential(*stage(width if i == 0 else joined, width, repeats)) for i in range(stages)
        )
        self.paint = nn.Conv2d(width, shape[0], 3, padding=1)
        self.apply(initialise)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map ``hidden`` (N, Z) to images (N, C, H, H)."""
        first = x = self.project(hidden).view(-1, self.width, self.base, self.base)
        for i, convolve in enumerate(self.stages):
            if i:
                x = functional.interpolate(x, scale_factor=2)
            if i and self.skip:
                x = torch.cat([x, functional.interpolate(first, scale_factor=2**i)], dim=1)
            x = convolve(x)
        images: Tensor = self.paint(x)
        return images


class BEGANGenerator(UniformGenerator):
    """Latents (N, Z), uniform in [-1, 1], to images (N, C, H, H) in [-1, 1]: the decoder's layers, then tanh.

    Args:
        shape: (C, H, H) of an image.
        latent_dim: Z.
        width: n.
        repeats: convolutions in each stage.
        skip: feed the decoder's first tensor to every stage.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        latent_dim: int = 64,
        width: int = 64,
        repeats: int = 2,
        skip: bool = False,
    ) -> None:
        super().__init__(latent_dim)
        self.decoder = Decoder(shape, latent_dim=latent_dim, width=width, repeats=repeats, skip=skip)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map ``latent`` (N, Z) to images (N, C, H, H) in [-1, 1]."""
        return torch.tanh(self.decoder(latent))


def build_networks(options: BEGANNetOptions, request: NetworkRequest) -> Networks:
    """The backbone ``began``.

    Raises:
        IncompatiblePartsError: labels are asked for, or the images' size cannot be halved down to 5 to 8 px.
    """
    refuse_labels(request, "began")
    hidden, width = options.hidden_dim or options.latent_dim, options.width
    generator = BEGANGenerator(
        request.shape,
        latent_dim=options.latent_dim,
        width=options.generator_width or width,
        repeats=options.repeats,
        skip=options.skip,
    )
    encoder = Encoder(request.shape, latent_dim=hidden, width=width, repeats=options.repeats)
    decoder = Decoder(request.shape, latent_dim=hidden, width=width, repeats=options.repeats, skip=options.skip)
    return Networks(generator, Autoencoder(encoder, decoder, eta=options.eta))


def refuse_labels(request: NetworkRequest, backbone: str) -> None:
    """See that ``backbone`` is not asked for networks that take labels.

    Raises:
        IncompatiblePartsError: it is.
    """
    if request.classes is not None:
        raise IncompatiblePartsError(
            f"the networks of {backbone} take no labels, and {request.classes} classes were asked for: an autoencoder "
            "can reconstruct an image without looking at its label, so nothing would teach the generator to obey it",
            fix="leave --conditional out, or choose another variant",
        )


def base_and_stages(shape: tuple[int, int, int]) -> tuple[int, int]:
    """Side of the smallest feature map, and the number of stages that lead to it: (7, 3) for 28 px, (8, 3) for 32."""
    _, height, width = shape
    side, stages = height, 1
    while side not in BASE_SIDES and side % 2 == 0 and side > 0:
        side, stages = side // 2, stages + 1
    if height != width or height < SMALLEST_SIDE or side not in BASE_SIDES:
        raise IncompatiblePartsError(
            f"the networks of began take square images of 28 px, or of 5 to 8 px times a power of two, from "
            f"{SMALLEST_SIDE} px, not {height} x {width}",
            fix="bring the images to such a size with --image-size 32, or choose another variant",
        )
    return side, stages


def conv_elu(inputs: int, outputs: int, *, stride: int = 1) -> list[nn.Module]:
    """A 3x3 convolution and an ELU."""
    return [nn.Conv2d(inputs, outputs, 3, stride, 1), nn.ELU(inplace=True)]


def stage(inputs: int, outputs: int, repeats: int) -> list[nn.Module]:
    """``repeats`` convolutions at one resolution, of which the first may change the number of channels."""
    layers = conv_elu(inputs, outputs)
    for _ in range(repeats - 1):
        layers += conv_elu(outputs, outputs)
    return layers


def initialise(module: nn.Module) -> None:
    """Xavier-uniform weights (Glorot & Bengio 2010) and zero biases; the paper leaves its initialisation open."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
