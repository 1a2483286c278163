"""Results made up from a few numbers, for tests of what is drawn from them and said about them."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy
from PIL import Image

from ganzoo.bench.result import (
    Block,
    ColdStart,
    Contender,
    Contest,
    Failure,
    Figure,
    Gauges,
    Memory,
    Origin,
    Point,
    Result,
    Training,
    WarmUp,
)

ENVIRONMENT: dict[str, Any] = {
    "python": "3.12.1",
    "platform": "Linux",
    "packages": {"ganzoo": "0.1.0", "torch": "2.14.1"},
    "cpu": "Example 9000",
    "cores": 2,
    "threads": 1,
    "device": "cpu",
}


def contender(
    variant: str = "dcgan",
    *,
    kind: str = "ganzoo",
    tier: str = "eager",
    precision: str = "fp32",
    batch_size: int = 64,
    seconds: tuple[float, ...] = (1.0,) * 10,
    iterations: int = 10,
    plain: tuple[float, ...] | None = None,
    distribution: str | None = None,
    **more: Any,
) -> Contender:
    """A contender whose blocks took ``seconds``; ``plain`` are those of the loop beside it."""
    from ganzoo.bench.statistics import interval, ratio, speeds

    images = batch_size * iterations
    rates = speeds(seconds, images)
    beside = ratio(rates, speeds(plain, images)).as_dict() if plain else None
    values: dict[str, Any] = {
        "name": f"{variant} {'plain' if kind == 'plain' else f'{precision} {tier}'}",
        "variant": variant,
        "kind": kind,
        "origin": Origin(distribution=distribution or f"ganzoo-{variant}", version="0.1.0"),
        "config": {"variant": variant, "training": {"batch_size": batch_size}, "data": {"dataset": "mnist"}},
        "config_sha256": "0" * 64,
        "batch_size": batch_size,
        "engine": tier,
        "tier": "plain" if kind == "plain" else tier,
        "precision": precision,
        "settings": {"threads": 1, "allocator": "system"},
        "images_per_iteration": batch_size,
        "iterations_per_block": iterations,
        "cold_start": ColdStart(imports=3.0, data=0.5, build=0.2, prepare=0.1, first=0.3),
        "warm_up": WarmUp(iterations=20, seconds=1.0, settled=True),
        "blocks": [Block(seconds=each, cpu_seconds=each, minor_faults=12, major_faults=0) for each in seconds],
        "iteration_seconds": [each / iterations for each in seconds],
        "memory": Memory(process=900_000_000),
        "flops_per_image": {"fp32": 4e8},
        "finite": True,
        "images_per_second": Figure(**interval(rates).as_dict()),
        "p50_seconds": sorted(seconds)[len(seconds) // 2] / iterations,
        "p95_seconds": max(seconds) / iterations,
        "times_as_fast_as_plain": Figure(**beside) if beside else None,
        "utilisation": 0.4,
        "cpu_seconds_per_image": sum(seconds) / (images * len(seconds)),
    }
    return Contender(**(values | more))


def contest(*contenders: Contender, **more: Any) -> Contest:
    """Contenders in one contest."""
    values: dict[str, Any] = {
        "device": "cpu",
        "batch_size": contenders[0].batch_size,
        "peaks": {"fp32": 1e11, "bf16": 2e11, "bandwidth": 1e10},
        "before": Gauges(load=[0.1, 0.1, 0.1]),
        "after": Gauges(load=[1.0, 0.5, 0.2]),
        "contenders": list(contenders),
    }
    return Contest(**(values | more))


def training(
    variant: str = "dcgan", *, seed: int = 0, fids: tuple[float, ...] = (50.0, 20.0, 10.0), **more: Any
) -> Training:
    """A training with one evaluation for each of ``fids``."""
    curve = [
        Point(step=100 * i, images=6400 * i, seconds=10.0 * i, evaluation_seconds=2.0, fid=fid, coverage=1 / fid)
        for i, fid in enumerate(fids, start=1)
    ]
    figures = {
        "fid": {"mean": fids[-1], "std": None, "values": [fids[-1]], "floor": {"mean": 1.5, "values": [1.5]}},
        "kid": {"mean": fids[-1] / 3, "std": None, "values": [fids[-1] / 3], "floor": {"mean": 0.1, "values": [0.1]}},
        "coverage": {"mean": 0.8, "std": None, "values": [0.8], "floor": {"mean": 0.95, "values": [0.95]}},
    }
    found = Training(
        variant=variant,
        seed=seed,
        config={"variant": variant, "training": {"batch_size": 64, "precision": "fp32"}, "data": {"dataset": "mnist"}},
        origins={"variant": Origin(distribution=f"ganzoo-{variant}", version="0.1.0")},
        engine={"tier": "eager", "precision": "fp32"},
        images=curve[-1].images,
        iterations=curve[-1].step,
        startup_seconds=3.0,
        training_seconds=curve[-1].seconds,
        cpu_seconds=35.0,
        sessions=1,
        peak_memory_bytes=900_000_000,
        environment=ENVIRONMENT,
        curve=curve,
        evaluation={
            "samples": 10_000,
            "against": "mnist:test",
            "real_images": 10_000,
            "floor_from": "10,000 images of mnist:train",
            "extractor": {"name": "mnist-cnn", "sha256": "ab" * 32},
            "seed": 0,
            "figures": figures,
            "shares": [0.1] * 10,
        },
    )
    return found.model_copy(update=more)


def result(**more: Any) -> Result:
    """A result with the given parts."""
    values: dict[str, Any] = {
        "suite": {"name": "test", "seeds": [0]},
        "started": "2026-01-01T00:00:00+00:00",
        "git": {"commit": "0123456789abcdef", "changed": False},
        "environment": ENVIRONMENT,
    }
    return Result(**(values | more))


PACE = {"vanilla": 6000.0, "dcgan": 800.0, "lsgan": 780.0, "wgan-gp": 420.0, "began": 510.0}
"""Images a second of the plain loop at batch 64."""


def zoo() -> Result:
    """Five variants as a real benchmark has them: three batch sizes, two precisions, plain loops, three seeds, samples,
    a noisy contender, and a failure."""
    contests = [contest(*race(variant, size)) for size in (64, 256, 1024) for variant in PACE]
    trainings = [learner(variant, seed) for variant in PACE for seed in range(3)]
    failures = [Failure(what="began bf16 compile, batch 1024", reason="no C++ compiler was found")]
    return result(contests=contests, trainings=trainings, failures=failures)


def race(variant: str, size: int) -> list[Contender]:
    """The plain loop of ``variant``, and ganzoo in two precisions beside it."""
    pace = PACE[variant] * (size / 64) ** 0.2
    jitter = [1 + 0.02 * ((7 * block + len(variant)) % 5 - 2) for block in range(10)]
    plain = tuple(10 * size / pace * each for each in jitter)
    noise = ["load of 3.1 on 2 cores", "the blocks spread by 12 %"] if (variant, size) == ("lsgan", 256) else []
    choice = {"tier": "eager", "reasons": {"graph": "needs CUDA", "compile": "takes 99% of the time of eager"}}
    found = [contender(variant, kind="plain", batch_size=size, seconds=plain)]
    for precision, tier, gain in (("fp32", "eager", 1.4), ("bf16", "compile", 2.3)):
        seconds = tuple(each / gain * (1 + 0.004 * (at % 3)) for at, each in enumerate(plain))
        more = {"choice": choice, "memory": Memory(process=int(7e8 + 4e5 * size * gain)), "noise": noise}
        if tier == "compile":
            more |= {"cold_start": ColdStart(imports=3.1, data=0.4, build=0.3, prepare=9.5, first=0.2)}
        found.append(
            contender(variant, tier=tier, precision=precision, batch_size=size, seconds=seconds, plain=plain, **more)
        )
    return found


def learner(variant: str, seed: int) -> Training:
    """A training of ``variant`` that comes down to a FID of its own, with a picture for samples."""
    goal = {"vanilla": 180.0, "dcgan": 9.0, "lsgan": 20.0, "wgan-gp": 96.0, "began": 165.0}[variant]
    fids = tuple((goal + (420 - goal) * 0.42**at) * (1 + 0.12 * seed) for at in range(8))
    slower = 800 / PACE[variant] * (1 + 0.02 * seed)
    found = training(variant, seed=seed, fids=fids)
    curve = [point.model_copy(update={"seconds": point.seconds * slower}) for point in found.curve]
    more = {"curve": curve, "training_seconds": curve[-1].seconds, "samples_png": picture(len(variant) + seed)}
    return found.model_copy(update=more)


def picture(seed: int) -> str:
    """An 8 x 8 grid of grey tiles, a PNG in base64."""
    tiles = numpy.random.default_rng(seed).integers(0, 256, (8, 8), numpy.uint8)
    out = io.BytesIO()
    Image.fromarray(tiles.repeat(30, 0).repeat(30, 1)).save(out, format="PNG")
    return base64.b64encode(out.getvalue()).decode()
