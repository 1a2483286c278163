r"""BEGAN: an autoencoder for a discriminator, and a controller that keeps it in balance with the generator.

Berthelot, Schumm & Metz 2017, *BEGAN: Boundary Equilibrium Generative Adversarial Networks*, arXiv:1703.10717.

The discriminator D reconstructs images of N_x pixels (channels counted), and its error is the energy of an image,

.. math:: \mathcal{L}(v) = \tfrac{1}{N_x} \sum_i |v_i - D(v)_i|^\eta, \qquad \eta \in \{1, 2\}.

It learns to reconstruct real images and, to the degree k, not to reconstruct fake ones; the generator makes images that
are reconstructed well:

.. math::
    L_D &= \mathcal{L}(x) - k_t\, \mathcal{L}(G(z_D)) \\
    L_G &= \mathcal{L}(G(z_G)) \\
    k_{t+1} &= \mathrm{clip}\big(k_t + \lambda_k\, (\gamma\, \mathcal{L}(x) - \mathcal{L}(G(z_G))),\, 0,\, 1\big),
    \qquad k_0 = 0.

The controller steers towards :math:`\mathbb{E}\,\mathcal{L}(G(z)) = \gamma\, \mathbb{E}\,\mathcal{L}(x)`, and how far
training has come is read from

.. math:: M = \mathcal{L}(x) + |\gamma\, \mathcal{L}(x) - \mathcal{L}(G(z_G))|;

when it stalls, the learning rates fall. Latents are uniform in [-1, 1].

Letters in shape comments: N batch, C channels, H = W image side, B side of the smallest feature map, Z latent and
hidden state, n width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.data import DataInfo
from ganzoo.errors import IncompatiblePartsError
from ganzoo.game import GAN, Discriminator, Generator, Loss, Networks, Terms
from ganzoo.registry import NetworkRequest

from .plugin import BEGANNetOptions, BEGANOptions

SMALLEST_SIDE = 8
BASE_SIDES = range(5, 9)


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


class BEGANGenerator(Generator):
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

    def sample_latent(self, n: int, rng: torch.Generator, *, device: torch.device | str) -> Tensor:
        """Draw ``n`` latents, float32 (N, Z), uniform in [-1, 1]."""
        return torch.rand(n, self.latent_dim, generator=rng, device=device) * 2 - 1

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map ``latent`` (N, Z) to images (N, C, H, H) in [-1, 1]."""
        return torch.tanh(self.decoder(latent))


class BEGANDiscriminator(Discriminator):
    """An autoencoder; the score of an image is minus its reconstruction error, (N, C, H, H) to (N,).

    Args:
        shape: (C, H, H) of an image.
        latent_dim: size of the hidden state.
        width: n.
        repeats: convolutions in each stage.
        skip: feed the decoder's first tensor to every stage.
        eta: exponent of the error, 1 or 2.
    """

    energy = True

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        latent_dim: int = 64,
        width: int = 64,
        repeats: int = 2,
        skip: bool = False,
        eta: int = 1,
    ) -> None:
        super().__init__()
        self.eta = eta
        self.encoder = Encoder(shape, latent_dim=latent_dim, width=width, repeats=repeats)
        self.decoder = Decoder(shape, latent_dim=latent_dim, width=width, repeats=repeats, skip=skip)

    def reconstruct(self, images: Tensor) -> Tensor:
        """D(v): ``images`` (N, C, H, H) to images of that shape."""
        reconstruction: Tensor = self.decoder(self.encoder(images))
        return reconstruction

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Minus the energy of ``images`` (N, C, H, H): scores (N,), never positive."""
        difference = (images - self.reconstruct(images)).flatten(1)
        return -(difference.abs() if self.eta == 1 else difference.square()).mean(1)


class BEGANLoss(Loss):
    r"""L_D, L_G, the controller of k, and the learning rates' fall when M stalls; see the head of this module.

    "Stalled" is judged over windows of ``lr_patience`` iterations: if the mean of M over a window is not below that of
    every window before, ``lr_scale`` is multiplied by ``lr_decay``.

    Args:
        gamma: diversity ratio in (0, 1].
        lambda_k: gain of the controller.
        lr_patience: length of a window in iterations; 0 never lowers the learning rates.
        lr_decay: factor on the learning rates.
    """

    needs_energy = True
    k: Tensor
    real_error: Tensor
    window_mean: Tensor
    window_seen: Tensor
    best_mean: Tensor
    lr_scale: Tensor

    def __init__(
        self, gamma: float = 0.5, lambda_k: float = 1e-3, *, lr_patience: int = 10_000, lr_decay: float = 0.5
    ) -> None:
        super().__init__()
        self.gamma = gamma
        self.lambda_k = lambda_k
        self.lr_patience = lr_patience
        self.lr_decay = lr_decay
        self.register_buffer("k", torch.zeros(()))
        self.register_buffer("real_error", torch.zeros(()))
        self.register_buffer("window_mean", torch.zeros(()))
        self.register_buffer("window_seen", torch.zeros(()))
        self.register_buffer("best_mean", torch.tensor(torch.finfo(torch.float32).max))
        self.register_buffer("lr_scale", torch.ones(()))

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        """``real``: L(x); ``fake``: -k L(G(z_D)), from scores (N,)."""
        return {"real": -real_scores.mean(), "fake": self.k * fake_scores.mean()}

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Terms:
        """``fake``: L(G(z_G)), from scores (N,)."""
        return {"fake": -fake_scores.mean()}

    def diagnostics(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        """``k``, ``lr_scale``, and from the discriminator's own batch ``balance`` gamma L(x) - L(G(z_D)) and ``M``."""
        real_error = -real_scores.mean()
        balance = self.gamma * real_error + fake_scores.mean()
        # Clones, because after_update writes into these buffers before they are logged.
        return {
            "M": real_error + balance.abs(),
            "balance": balance,
            "k": self.k.clone(),
            "lr_scale": self.lr_scale.clone(),
        }

    @torch.no_grad()
    def after_update(self, player: str, terms: Terms) -> None:
        """Keep L(x) after the discriminator's update; move k and judge M after the generator's."""
        if player == "d":
            self.real_error.copy_(terms["real"])
            return
        balance = self.gamma * self.real_error - terms["fake"]
        self.k.add_(self.lambda_k * balance).clamp_(0, 1)
        if self.lr_patience:
            self._judge(self.real_error + balance.abs())

    def _judge(self, measure: Tensor) -> None:
        """Add ``measure`` to the window's mean; at its end compare the means, and lower ``lr_scale`` if stalled."""
        self.window_seen.add_(1)
        self.window_mean.add_((measure - self.window_mean) / self.window_seen)
        ended = self.window_seen >= self.lr_patience
        stalled = ended & (self.window_mean >= self.best_mean)
        self.lr_scale.mul_(torch.where(stalled, self.lr_decay, 1.0))
        self.best_mean.copy_(torch.where(ended, torch.minimum(self.best_mean, self.window_mean), self.best_mean))
        # The next measure overwrites the mean, because it is then the only one seen.
        self.window_seen.mul_(~ended)


def build_networks(options: BEGANNetOptions, request: NetworkRequest) -> Networks:
    """The backbone ``began``.

    Raises:
        IncompatiblePartsError: labels are asked for, or the images' size cannot be halved down to 5 to 8 px.
    """
    if request.classes is not None:
        raise IncompatiblePartsError(
            f"the networks of began take no labels, and {request.classes} classes were asked for: an autoencoder can "
            "reconstruct an image without looking at its label, so nothing would teach the generator to obey it",
            fix="leave --conditional out, or choose another variant",
        )
    generator = BEGANGenerator(
        request.shape,
        latent_dim=options.latent_dim,
        width=options.generator_width or options.width,
        repeats=options.repeats,
        skip=options.skip,
    )
    discriminator = BEGANDiscriminator(
        request.shape,
        latent_dim=options.hidden_dim or options.latent_dim,
        width=options.width,
        repeats=options.repeats,
        skip=options.skip,
        eta=options.eta,
    )
    return Networks(generator, discriminator)


def build(options: BEGANOptions, networks: Networks, data: DataInfo) -> GAN:
    """The variant ``began``, on any pair of networks whose discriminator scores by minus a reconstruction error."""
    loss = BEGANLoss(options.gamma, options.lambda_k, lr_patience=options.lr_patience, lr_decay=options.lr_decay)
    # z_D and z_G are independent draws in the paper.
    return GAN(*networks, loss, options, share_fake=False)


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
