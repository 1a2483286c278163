r"""WGAN-GP: a Wasserstein critic that is held to slope 1 by a penalty on its gradient.

Gulrajani, Ahmed, Arjovsky, Dumoulin & Courville 2017, *Improved Training of Wasserstein GANs*, arXiv:1704.00028.

By the Kantorovich-Rubinstein duality the earth mover's distance between the data :math:`p` and the generator's
distribution :math:`q` is the largest difference of means that a 1-Lipschitz function can make between them,

.. math:: W(p, q) = \max_{\|D\|_L \le 1} \mathbb{E}_{x \sim p} D(x) - \mathbb{E}_{\tilde x \sim q} D(\tilde x).

An optimal :math:`D` has a gradient of norm 1 almost everywhere on the straight lines that couple the two, so the
constraint becomes a penalty at random points of such lines:

.. math::
    L_D &= \mathbb{E}\, D(\tilde x) - \mathbb{E}\, D(x)
           + \lambda\, \mathbb{E}\, (\|\nabla_{\hat x} D(\hat x)\|_2 - 1)^2,
    \qquad \hat x = \epsilon x + (1 - \epsilon) \tilde x, \quad \epsilon \sim U[0, 1] \\
    L_G &= -\mathbb{E}\, D(\tilde x)

with one :math:`\epsilon` and one norm for each sample. A critic with batch norm has no gradient of its own for each
sample, so it has none. The networks are those of ``gan_mnist.py`` in the authors' igul222/improved_wgan_training.

Letters in shape comments: N batch, C channels, H = W image side, Z latent, F features.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.data import DataInfo
from ganzoo.errors import IncompatiblePartsError
from ganzoo.game import GAN, FeatureDiscriminator, Generator, Loss, Networks, Penalty, Terms
from ganzoo.registry import NetworkRequest

from .plugin import WGANGPNetOptions, WGANGPOptions

SMALLEST_SIDE = 8
BASE_SIDE = 4
MAX_WIDENING = 8


class WGANGPGenerator(Generator):
    """Latents (N, Z) to images (N, C, H, H) in [-1, 1]: a linear layer, then 5x5 transposed convolutions of stride 2.

    At 28 px the sides are 4, 7, 14, 28. The tanh is the authors' sigmoid rescaled from [0, 1] to [-1, 1]. With labels,
    the linear layer gets a learned bias for each class, which equals appending a one-hot label to the latent.

    Args:
        shape: (C, H, H) of an image.
        latent_dim: Z.
        width: channels before the last layer.
        classes: number of classes, None for no labels.
    """

    def __init__(
        self, shape: tuple[int, int, int], *, latent_dim: int = 128, width: int = 64, classes: int | None = None
    ) -> None:
        super().__init__(latent_dim, classes=classes)
        sides = image_sides(shape)[::-1]
        widths = [shape[0], *layer_widths(width, len(sides) - 1)][::-1]
        self.start = (widths[0], sides[0], sides[0])
        self.project = nn.Linear(latent_dim, math.prod(self.start))
        self.class_bias = nn.Embedding(classes, math.prod(self.start)) if classes else None
        layers: list[nn.Module] = []
        for (narrow, wide), (inputs, outputs) in zip(pairwise(sides), pairwise(widths), strict=True):
            # The output has 2 * narrow - 1 rows, plus one where the wider side is even.
            layers += [
                nn.ReLU(inplace=True),
                nn.ConvTranspose2d(inputs, outputs, 5, 2, 2, output_padding=wide - 2 * narrow + 1),
            ]
        self.upsample = nn.Sequential(*layers, nn.Tanh())
        self.apply(initialise)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map ``latent`` (N, Z) and ``labels`` (N,) to images (N, C, H, H) in [-1, 1]."""
        start = self.project(latent)
        if self.class_bias is not None:
            start = start + self.class_bias(labels)
        images: Tensor = self.upsample(start.view(-1, *self.start))
        return images


class WGANGPCritic(FeatureDiscriminator):
    """Images (N, C, H, H) to scores (N,): 5x5 convolutions of stride 2, LeakyReLU 0.2, a linear layer, and no norm.

    With labels, the score gains the inner product of the features and a learned vector of the class (the projection
    of Miyato & Koyama 2018, arXiv:1802.05637).

    Args:
        shape: (C, H, H) of an image.
        width: channels after the first layer.
        classes: number of classes, None for no labels.
    """

    def __init__(self, shape: tuple[int, int, int], *, width: int = 64, classes: int | None = None) -> None:
        super().__init__(classes=classes)
        sides = image_sides(shape)
        widths = [shape[0], *layer_widths(width, len(sides) - 1)]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [nn.Conv2d(inputs, outputs, 5, 2, 2), nn.LeakyReLU(0.2, inplace=True)]
        self.feature_dim = widths[-1] * sides[-1] ** 2
        self.downsample = nn.Sequential(*layers, nn.Flatten())
        self.output = nn.Linear(self.feature_dim, 1)
        self.class_vector = nn.Embedding(classes, self.feature_dim) if classes else None
        self.apply(initialise)

    def features(self, images: Tensor) -> Tensor:
        """Map ``images`` (N, C, H, H) to features (N, F)."""
        features: Tensor = self.downsample(images)
        return features

    def score(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map ``features`` (N, F) and ``labels`` (N,) to scores (N,)."""
        scores: Tensor = self.output(features).squeeze(1)
        if self.class_vector is not None:
            scores = scores + (self.class_vector(labels) * features).sum(1)
        return scores


class WassersteinLoss(Loss):
    """L_D = E D(fake) - E D(real) and L_G = -E D(fake); the constraint on D is left to a penalty."""

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        """``real``: -E D(x); ``fake``: E D(G(z)), from scores (N,)."""
        return {"real": -real_scores.mean(), "fake": fake_scores.mean()}

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Terms:
        """``fake``: -E D(G(z)), from scores (N,)."""
        return {"fake": -fake_scores.mean()}

    def diagnostics(self, real_scores: Tensor, fake_scores: Tensor) -> Terms:
        """``wasserstein``: E D(x) - E D(G(z)), the critic's estimate of the distance (up to its Lipschitz constant)."""
        return {"wasserstein": real_scores.mean() - fake_scores.mean()}


class GradientPenalty(Penalty):
    r""":math:`\lambda\, \mathbb{E}\, (\|\nabla_{\hat x} D(\hat x)\|_2 - 1)^2` at random points between real and fake.

    Args:
        weight: lambda.
        one_sided: punish only norms above 1.
    """

    def __init__(self, weight: float = 10.0, *, one_sided: bool = False) -> None:
        super().__init__()
        self.weight = weight
        self.one_sided = one_sided

    def points(self, real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
        """Points (N, C, H, W), each uniform on the segment between its own real and fake image."""
        epsilon = torch.rand(real.shape[0], 1, 1, 1, generator=rng, device=real.device, dtype=real.dtype)
        return torch.lerp(fake, real, epsilon)

    def terms(self, scores: Tensor, points: Tensor) -> Terms:
        """``gradient_penalty`` from ``scores`` (N,) at ``points`` (N, C, H, W)."""
        # Scores do not mix samples, so the gradient of their sum holds each sample's own gradient.
        (gradient,) = torch.autograd.grad(scores.sum(), points, create_graph=True)
        excess = gradient.flatten(1).norm(dim=1) - 1
        if self.one_sided:
            excess = functional.relu(excess)
        return {"gradient_penalty": self.weight * excess.square().mean()}


def build_networks(options: WGANGPNetOptions, request: NetworkRequest) -> Networks:
    """The backbone ``wgan-gp``.

    Raises:
        IncompatiblePartsError: the images are not square, or smaller than 8 px.
    """
    shape, width, classes = request.shape, options.width, request.classes
    return Networks(
        WGANGPGenerator(shape, latent_dim=options.latent_dim, width=width, classes=classes),
        WGANGPCritic(shape, width=width, classes=classes),
    )


def build(options: WGANGPOptions, networks: Networks, data: DataInfo) -> GAN:
    """The variant ``wgan-gp``, on any pair of networks whose critic does not mix the batch."""
    penalty = GradientPenalty(options.gradient_penalty, one_sided=options.one_sided)
    return GAN(
        *networks,
        WassersteinLoss(),
        options,
        penalties=[penalty] if options.gradient_penalty else [],
        n_critic=options.n_critic,
        penalty_schedule=options.penalty_schedule,
        merge_passes=not networks.discriminator.mixes_batch,
        # Algorithm 1 draws new latents for the generator's update, also with a single critic update.
        share_fake=False,
    )


def image_sides(shape: tuple[int, int, int]) -> list[int]:
    """Sides of the feature maps from the image down to 4 px or just below, halved and rounded up: 28, 14, 7, 4."""
    _, height, width = shape
    if height != width or height < SMALLEST_SIDE:
        raise IncompatiblePartsError(
            f"the networks of wgan-gp take square images of {SMALLEST_SIDE} px and above, not {height} x {width}",
            fix="bring the images to such a size with --image-size, or choose another --backbone",
        )
    sides = [height]
    while sides[-1] > BASE_SIDE:
        sides.append(math.ceil(sides[-1] / 2))
    return sides


def layer_widths(width: int, layers: int) -> list[int]:
    """Channels of ``layers`` layers, counted from the image: doubled at each, up to 8 times ``width``."""
    return [width * min(2**layer, MAX_WIDENING) for layer in range(layers)]


@torch.no_grad()
def initialise(module: nn.Module) -> None:
    """Draw the weights of ``module`` as the authors do: uniform, zero biases, a class vector like a linear layer.

    The standard deviation is sqrt(4 / (fan_in + fan_out)) for convolutions and sqrt(2 / (fan_in + fan_out)) for linear
    layers, where a stride of 2 divides by 4 the fan on the side of the smaller feature map.
    """
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        # Of either kind, the first dimension of the weight belongs to the smaller feature map.
        small, large, *kernel = module.weight.shape
        bound = math.sqrt(3 * 4 / (math.prod(kernel) * (small / math.prod(module.stride) + large)))
    elif isinstance(module, nn.Linear | nn.Embedding):
        bound = math.sqrt(3 * 2 / sum(module.weight.shape))
    else:
        return
    module.weight.uniform_(-bound, bound)
    if isinstance(bias := getattr(module, "bias", None), Tensor):
        bias.zero_()
