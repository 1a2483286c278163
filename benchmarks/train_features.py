"""Train the offline feature extractor on MNIST: `python benchmarks/train_features.py`.

Writes ganzoo/metrics/shipped/mnist-cnn.safetensors and prints its accuracy on the test images, its size and its hash.
One thread and one seed: the same machine gives the same bits.
"""

from __future__ import annotations

import argparse
import math
import time

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from ganzoo.data import DataOptions
from ganzoo.data.catalog import find_source
from ganzoo.data.sampler import EpochOrder
from ganzoo.metrics.mnist_cnn import WEIGHTS, MnistCNN, load

SEED = 0
BATCH = 100
PEAK_RATE = 4e-3


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


def main() -> None:
    """Train, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10)
    epochs: int = parser.parse_args().epochs
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    rng = torch.Generator().manual_seed(SEED)
    source = find_source(DataOptions(dataset="mnist"))
    train, test = source.load("train"), source.load("test")
    assert train.labels is not None
    assert test.labels is not None
    network = MnistCNN().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.02, fused=True)
    order = EpochOrder(len(train), seed=SEED, name="mnist-cnn")
    steps = epochs * len(train) // BATCH
    start = time.process_time()
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
            network.eval()
            logits = network.extract(test.images.float() / 127.5 - 1).logits
            network.train()
            accuracy = (logits.argmax(1) == test.labels).float().mean().item()
            minutes = (time.process_time() - start) / 60
            print(f"epoch {(step + 1) * BATCH // len(train)}: test {accuracy:.4%}, {minutes:.1f} min", flush=True)
    WEIGHTS.parent.mkdir(exist_ok=True)
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(state, WEIGHTS)
    WEIGHTS.chmod(0o644)
    print(f"{WEIGHTS.name}: {WEIGHTS.stat().st_size:,} bytes, digest {load().digest}")


if __name__ == "__main__":
    main()
