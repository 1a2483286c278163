"""Judge runs on MNIST by the offline extractor: `python benchmarks/judge_runs.py RUN [RUN ...]`.

Prints for each run the Frechet distance of 10,000 samples of seed 1 to the 10,000 test images, the share of each digit
and the part classified with more than 0.9; before them the same for 10,000 training images, the floor.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from ganzoo.api import load
from ganzoo.data import DataOptions
from ganzoo.data.catalog import find_source
from ganzoo.data.convert import normalise
from ganzoo.metrics.classes import count_modes
from ganzoo.metrics.frechet import frechet_distance
from ganzoo.metrics.mnist_cnn import MnistCNN
from ganzoo.metrics.moments import Moments

SAMPLES = 10_000


def main() -> None:
    """Judge the floor and each run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    runs: list[Path] = parser.parse_args().runs
    network = MnistCNN.load()
    options = DataOptions(dataset="mnist")
    train, test = (normalise(find_source(options).load(split).images) for split in ("train", "test"))
    reference = Moments.of(network.extract(test).vectors)
    print(f"{network.name}, digest {network.digest}")

    def judge(name: str, images: Tensor) -> None:
        seen = network.extract(images)
        found = count_modes(seen.logits)
        shares = " ".join(f"{share:.0%}" for share in found.shares)
        distance = frechet_distance(Moments.of(seen.vectors), reference)
        print(f"{name}: FID {distance:.2f}, shares {shares}, {found.confident:.0%} confident", flush=True)

    chosen = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:SAMPLES]
    judge("training images", train[chosen])
    for path in runs:
        judge(path.name, load(path).generate(SAMPLES, seed=1))


if __name__ == "__main__":
    main()
