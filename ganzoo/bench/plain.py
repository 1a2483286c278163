"""The loop that everybody copies, for any game: what ganzoo's engine is compared with, beside it and on the same data.

It plays the contract literally, and keeps what the popular scripts have in common: a DataLoader that decodes and
normalises one PIL image at a time, float32, optimizers as they come, gradients of all networks in every update though
only one player's are used, and ``.item()`` on every term. It leaves out what those scripts do not have: the moving
average of the generator, schedules and rates that move, and any choice of threads, memory format or allocator.

The loops in benchmarks/baselines/ are written by hand for four variants; benchmarks/plain_check.py compares this one
with them.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer, RMSprop
from torch.utils.data import DataLoader, Dataset

from ganzoo.data.options import DataOptions
from ganzoo.data.source import Source, Stream
from ganzoo.errors import ConfigError
from ganzoo.game import Batch, Game, Player, Turn
from ganzoo.options import OptimizerSpec


class PILImages(Dataset[tuple[Tensor, int]]):
    """The images of a stream, each by way of PIL: float32 (C, H, W) in [-1, 1], and its label."""

    def __init__(self, stream: Stream) -> None:
        from torchvision import transforms  # imported here, for its import is slow

        self.stream = stream
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5], [0.5])])

    def __len__(self) -> int:
        return len(self.stream)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        from PIL import Image

        pixels, label = self.stream[index]
        array = pixels.permute(1, 2, 0).numpy()
        image = Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
        normalised: Tensor = self.transform(image)
        return normalised, label


class PlainLoop:
    """A game, played plainly.

    Args:
        game: on its device, in training mode.
        batches: endless batches, on the CPU.
        device: where the game is.
        seed: of the latents.
    """

    def __init__(self, game: Game, batches: Iterator[Batch], device: torch.device, seed: int = 0) -> None:
        self.game, self.batches, self.device = game, batches, device
        self.rng = torch.Generator(device).manual_seed(seed)
        self.players = {player.name: player for player in game.players()}
        self.optimizers: dict[str, Optimizer] = {
            name: _optimizer(player.optimizer, list(player.params))
            for name, player in self.players.items()
            if isinstance(player.optimizer, OptimizerSpec)
        }
        self.iteration = 0

    def iterate(self) -> dict[str, float]:
        """One iteration, all rounds of it; the terms, read from the device."""
        losses: dict[str, float] = {}
        for names in self.game.rounds(self.iteration):
            batch = next(self.batches).to(self.device)
            turn = Turn(batch=batch, rng=self.rng, step=torch.tensor(self.iteration, device=self.device), players=names)
            for name in names:
                losses |= self._update(self.players[name], turn)
        self.iteration += 1
        return losses

    def _update(self, player: Player, turn: Turn) -> dict[str, float]:
        shares = player.optimizer if isinstance(player.optimizer, str) else player.name
        optimizer = self.optimizers[shares]
        optimizer.zero_grad()
        terms = player.loss(turn)
        # Gradients of the other networks grow along the way; their own players clear them.
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if player.after is not None:
            player.after()
        self.game.after_update(player.name, {name: term.detach() for name, term in terms.items()}, turn)
        return {f"{player.name}/{name}": term.item() for name, term in terms.items()}  # host sync, at every update


def plain_batches(source: Source, options: DataOptions, batch_size: int) -> Iterator[Batch]:
    """Shuffled batches of whole size, epoch after epoch.

    Raises:
        ConfigError: the batch is larger than the data set.
    """
    images = PILImages(source.open(options.split))
    if batch_size > len(images):
        raise ConfigError(
            f"--batch-size {batch_size} is more than the {len(images):,} images of {source.info.name}",
            fix=f"take at most {len(images)}, or leave --baseline out",
        )
    return _endless(images, batch_size)


def _endless(images: PILImages, batch_size: int) -> Iterator[Batch]:
    loader = DataLoader(images, batch_size=batch_size, shuffle=True, drop_last=True, num_workers=0)
    while True:
        for pixels, labels in loader:
            yield Batch(images=pixels, labels=labels) if images.stream.labelled else Batch(images=pixels)


def _optimizer(spec: OptimizerSpec, params: list[nn.Parameter]) -> Optimizer:
    """The optimizer as torch builds it by default."""
    if spec.name == "adam":
        return Adam(params, lr=spec.lr, betas=spec.betas, eps=spec.eps, weight_decay=spec.weight_decay)
    if spec.name == "rmsprop":
        return RMSprop(params, lr=spec.lr, alpha=spec.alpha, eps=spec.eps, momentum=spec.momentum)
    return SGD(params, lr=spec.lr, momentum=spec.momentum, weight_decay=spec.weight_decay)
