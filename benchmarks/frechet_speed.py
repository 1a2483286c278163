"""Time the Frechet distance against two other ways to take the matrix root: `python benchmarks/frechet_speed.py`.

Writes benchmarks/results/frechet-speed.json. Three contenders take turns on the same moments, in float64 and on one
thread, so that a busy machine slows all of them alike:

- ``ganzoo``: :func:`ganzoo.metrics.frechet.frechet_distance`, a factor of one covariance and symmetric eigenvalues.
- ``sqrtm``: the trace of scipy's general matrix root of the product, as the FID's authors and pytorch-fid take it.
- ``eigvals``: the general eigenvalues of the product, as torchmetrics takes them.

Each is held against a fourth formulation, which forms no covariance: with features X and Y centred and scaled so that
the covariances are X^T X and Y^T Y, tr (X^T X Y^T Y)^(1/2) is the sum of the singular values of X Y^T.
"""

from __future__ import annotations

import os

# Before numpy and scipy load their BLAS, which read these once.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import json
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import torch
from torch import Tensor

from ganzoo.metrics.frechet import frechet_distance
from ganzoo.metrics.moments import Moments

CASES = {
    "more samples than features": (2.5, 2.0),
    "one set with fewer samples than features": (0.5, 2.0),
    "fewer samples than features": (0.5, 0.75),
}
"""The sizes of the two sets, in multiples of the number of features."""

RESULT = Path(__file__).parent / "results" / "frechet-speed.json"


def by_sqrtm(a: Moments, b: Moments) -> float:
    """The general matrix root, with the FID authors' answer to a root that is not finite."""
    sigma_a, sigma_b = a.covariance.numpy(), b.covariance.numpy()
    root = scipy.linalg.sqrtm(sigma_a @ sigma_b)
    if not np.isfinite(root).all():
        offset = 1e-6 * np.eye(a.dim)
        root = scipy.linalg.sqrtm((sigma_a + offset) @ (sigma_b + offset))
    shift = a.mean.numpy() - b.mean.numpy()
    return float(shift @ shift + np.trace(sigma_a) + np.trace(sigma_b) - 2 * np.trace(root).real)


def by_eigvals(a: Moments, b: Moments) -> float:
    """The general eigenvalues of the product."""
    sigma_a, sigma_b = a.covariance, b.covariance
    root = torch.linalg.eigvals(sigma_a @ sigma_b).sqrt().real.sum()
    return ((a.mean - b.mean).square().sum() + sigma_a.trace() + sigma_b.trace() - 2 * root).item()


CONTENDERS: dict[str, Callable[[Moments, Moments], float]] = {
    "ganzoo": frechet_distance,
    "sqrtm": by_sqrtm,
    "eigvals": by_eigvals,
}


def by_singular_values(x: Tensor, y: Tensor) -> float:
    """The distance from the features themselves; triangular factors stand for them where they are many."""
    shift = x.mean(0) - y.mean(0)
    x, y = ((z - z.mean(0)) / (len(z) - 1) ** 0.5 for z in (x, y))
    inner = torch.linalg.qr(x, mode="r").R @ torch.linalg.qr(y, mode="r").R.T
    return (shift.square().sum() + x.square().sum() + y.square().sum() - 2 * torch.linalg.svdvals(inner).sum()).item()


def features(n: int, dim: int, *, seed: int) -> Tensor:
    """Normal vectors, float64 (n, dim), mixed at random."""
    rng = torch.Generator().manual_seed(seed)
    mix, shift = torch.randn(dim + 1, dim, generator=rng, dtype=torch.float64).split((dim, 1))
    return torch.randn(n, dim, generator=rng, dtype=torch.float64) @ mix / dim**0.5 + 0.2 * shift


def compare(dim: int, sizes: tuple[int, int], repeats: int) -> dict[str, Any]:
    """Times of all contenders, and how far each is from the singular values."""
    x, y = (features(n, dim, seed=seed) for seed, n in enumerate(sizes))
    a, b = Moments.of(x), Moments.of(y)
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    found: dict[str, float] = {}
    for _ in range(repeats):
        for name, measure in CONTENDERS.items():
            start = time.perf_counter()
            found[name] = measure(a, b)
            seconds[name].append(time.perf_counter() - start)
    exact = by_singular_values(x, y)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    return {
        "samples": sizes,
        "distance": exact,
        "seconds": {name: [round(each, 3) for each in times] for name, times in seconds.items()},
        "median_seconds": {name: round(median, 3) for name, median in medians.items()},
        "times_as_fast_as": {
            name: round(statistics.median(np.divide(seconds[name], seconds["ganzoo"])), 2)
            for name in CONTENDERS
            if name != "ganzoo"
        },
        "relative_difference": {name: abs(value - exact) / exact for name, value in found.items()},
    }


def processor() -> str:
    """What the system calls its processor."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def main() -> None:
    """Compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dim", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", scipy.linalg.LinAlgWarning)  # of a singular product, whose root is still given
    cases = {}
    for name, multiples in CASES.items():
        sizes = (int(multiples[0] * arguments.dim), int(multiples[1] * arguments.dim))
        cases[name] = case = compare(arguments.dim, sizes, arguments.repeats)
        print(f"{name}: {sizes[0]} and {sizes[1]} samples, {arguments.dim} features")
        for contender, median in case["median_seconds"].items():
            ratio, difference = case["times_as_fast_as"].get(contender, 1), case["relative_difference"][contender]
            print(f"  {contender:8} {median:8.2f} s  {ratio:6.2f} x  relative difference {difference:.1e}", flush=True)
    result = {
        "features": arguments.dim,
        "repeats": arguments.repeats,
        "threads": 1,
        "machine": f"{processor()}, {platform.system()} {platform.machine()}",
        "versions": {"torch": torch.__version__, "numpy": np.__version__, "scipy": scipy.__version__},
        "cases": cases,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
