"""Train the offline feature extractor on MNIST: `python benchmarks/train_features.py`.

Writes ganzoo/metrics/shipped/mnist-cnn.safetensors, or another file with --out, and prints its accuracy on the test
images, its size and its hash; a network that reads too few of them is not written. One thread and one seed: the same
machine gives the same bits.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from ganzoo.data import DataOptions, ImageSet
from ganzoo.data.catalog import find_source
from ganzoo.data.sampler import EpochOrder
from ganzoo.metrics.mnist_cnn import WEIGHTS, MnistCNN, load

SEED = 0
BATCH = 100
PEAK_RATE = 4e-3
LEAST = 0.994
"""Of the test images, what must be read right."""


def distort(images: Tensor, rng: torch.Generator) -> Tensor:
    """Images (N, 1, H, W) in [0, 1], each turned, scaled, sheared and shifted a little."""
    n = len(images)
    turn, shear, stretch_x, stretch_y, shift_x, shift_y = (torch.rand(6, n, generator=rng) * 2 - 1).unbind(0)
    turn, shear = turn * math.radians(12), shear * 0.15
    scale_x, scale_y = 1 + 0.12 * stretch_x, 1 + 0.12 * stretch_y
    rows = [
        torch.stack([scale_x * turn.cos(), shear - turn.sin(), shift_x * 0.14], 1),
        torch.stack([turn.sin(), scale_y * turn.cos(), shift_y * 0.14], 1),
    ]
    grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def fit(train: ImageSet, *, epochs: int, after_epoch: Callable[[int, MnistCNN], None]) -> MnistCNN:
    """A network that has seen the labelled images of ``train`` that often; the same bits at every call.

    Args:
        train: uint8 (N, 1, 28, 28), with their digits as labels.
        epochs: passes over the images.
        after_epoch: told the number of each epoch that is over, and the network in evaluation mode.
    """
    assert train.labels is not None
    torch.manual_seed(SEED)
    rng = torch.Generator().manual_seed(SEED)
    network = MnistCNN().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.02, fused=True)
    order = EpochOrder(len(train), seed=SEED, name="mnist-cnn")
    steps = epochs * len(train) // BATCH
    for step in range(steps):
        done = step / steps
        rate = PEAK_RATE * (done / 0.25 if done < 0.25 else 0.5 * (1 + math.cos(math.pi * (done - 0.25) / 0.75)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        chosen = order.indices(step * BATCH, BATCH)
        images = distort(train.images[chosen].float() / 255, rng) * 2 - 1
        loss = functional.cross_entropy(network(images).logits, train.labels[chosen])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if (step + 1) % (len(train) // BATCH) == 0:
            after_epoch((step + 1) * BATCH // len(train), network.eval())
            network.train()
    return network.eval()


def accuracy(network: MnistCNN, images: ImageSet) -> float:
    """The part of labelled images that ``network`` reads right."""
    logits = network.extract(images.images.float() / 127.5 - 1).logits
    assert logits is not None
    return (logits.argmax(1) == images.labels).float().mean().item()


def main(words: Sequence[str] | None = None) -> int:
    """Train, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    source = find_source(DataOptions(dataset="mnist"))
    train, test = source.load("train"), source.load("test")
    start = time.process_time()

    def tell(epoch: int, network: MnistCNN) -> None:
        minutes = (time.process_time() - start) / 60
        print(f"epoch {epoch}: test {accuracy(network, test):.4%}, {minutes:.1f} min", flush=True)

    network = fit(train, epochs=asked.epochs, after_epoch=tell)
    if (reached := accuracy(network, test)) < LEAST:
        print(
            f"reads {reached:.2%} of the test images right, below the {LEAST:.1%} asked: not written", file=sys.stderr
        )
        return 1
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, asked.out)
    asked.out.chmod(0o644)
    print(f"{asked.out.name}: {asked.out.stat().st_size:,} bytes, digest {load(asked.out).digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
