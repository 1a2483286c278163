"""The cases of a race, its contenders, and how they are timed."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import nn

from ganzoo.arithmetic import convolutions_are_tf32, denormals_are_zero, set_float32
from ganzoo.bench.statistics import speeds
from ganzoo.config import RunConfig, make_config, overlay
from ganzoo.training.engine.choice import Choice, choose
from ganzoo.training.session import Session
from ganzoo.training.tuning.allocator import Allocator, can_keep, keep_freed_memory, keeping, release

from .common import Loop, images_per_iteration, mnist_loader, mnist_root, networks
from .dcgan import DCGANLoop
from .lsgan import LSGANLoop
from .vanilla import VanillaLoop
from .wgan_gp import WGANGPLoop

TUTORIAL_MLP = {
    "g_widths": [128, 256, 512, 1024],
    "d_widths": [512, 256],
    "g_norm": "batch",
    "dropout": 0.0,
}
"""The networks of the popular WGAN-GP script, which has no convolutions."""

CASES: dict[str, tuple[dict[str, Any], Callable[..., Loop]]] = {
    "vanilla": ({"variant": "vanilla"}, VanillaLoop),
    "dcgan": ({"variant": "dcgan"}, DCGANLoop),
    "lsgan": ({"variant": "lsgan"}, LSGANLoop),
    "wgan-gp": ({"variant": "wgan-gp"}, WGANGPLoop),
    "wgan-gp-mlp": ({"variant": "wgan-gp", "backbone": "mlp", "net": TUTORIAL_MLP}, WGANGPLoop),
}
"""What ganzoo trains, and the loop that it is raced against; all on MNIST at 28 pixels."""

_COLD = 3
"""Iterations that are never measured: memory is first touched in them, and an engine may prepare itself."""

_GROWTH = 10
"""A block's number of iterations grows at most this much at a time, so that a slow start does not mislead."""


def case_config(case: str, training: Mapping[str, Any], data: Mapping[str, Any]) -> RunConfig:
    """The config of ``case`` with the given training and data options.

    Raises:
        ConfigError: an option that does not fit.
    """
    return make_config(overlay(CASES[case][0], {"training": training, "data": {"dataset": "mnist", **data}}))


@dataclass(frozen=True)
class Settings:
    """What holds for the whole process; each contender has its own, switched outside the measured time.

    Attributes:
        threads: CPU threads of a tensor operation.
        matmul_precision: torch's word for the arithmetic of float32 products.
        tf32_convolutions: convolutions of float32 on NVIDIA GPUs are TensorFloat-32, as by torch's default.
        cudnn_benchmark: cuDNN tries its algorithms and keeps the fastest.
        allocator: ``"keep"`` keeps freed memory in the process, ``"system"`` returns it.
        flush_denormals: a CPU takes denormal numbers for 0, in the main thread; others do as when they were started.
    """

    threads: int
    matmul_precision: str
    tf32_convolutions: bool
    cudnn_benchmark: bool
    allocator: Allocator = "system"
    flush_denormals: bool = False

    @classmethod
    def now(cls) -> Settings:
        """The settings of this moment."""
        return cls(
            threads=torch.get_num_threads(),
            matmul_precision=torch.get_float32_matmul_precision(),
            tf32_convolutions=convolutions_are_tf32(),
            cudnn_benchmark=torch.backends.cudnn.benchmark,
            allocator="keep" if keeping() else "system",
            flush_denormals=denormals_are_zero(),
        )

    def apply(self) -> None:
        """Make the process's settings these.

        Raises:
            ConfigError: freed memory is to be kept, which this system cannot.
        """
        torch.set_num_threads(self.threads)
        set_float32(self.matmul_precision, self.tf32_convolutions)
        torch.backends.cudnn.benchmark = self.cudnn_benchmark
        torch.set_flush_denormal(self.flush_denormals)
        # Only where it changes, since each release hands the heap back, and the next steps would fault it in again.
        if self.allocator == "keep" and not keeping():
            keep_freed_memory()
        elif self.allocator == "system" and keeping():
            release()


def best_allocator(device: torch.device) -> Allocator:
    """What ganzoo's contenders run under: kept memory where the CPU computes and glibc allows it."""
    return "keep" if device.type == "cpu" and can_keep() else "system"


@dataclass
class Contender:
    """Something that trains, and how long its blocks took.

    Args:
        name: what the table calls it.
        run: plays so many iterations.
        facts: what the record says of it beside its times.
        images: real images that an iteration draws.
        settings: torch's settings while it runs.
        device: where it runs.
        weights: the modules whose weights must stay finite.
    """

    name: str
    run: Callable[[int], None]
    facts: Callable[[], dict[str, Any]]
    images: int
    settings: Settings
    device: torch.device
    weights: tuple[nn.Module, ...] = ()
    iterations: int = 1
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)

    def timed(self, iterations: int) -> tuple[float, float]:
        """Seconds on the wall's clock, and of this process on all cores, that so many iterations take."""
        self.settings.apply()
        _synchronize(self.device)
        wall, cpu = time.perf_counter(), time.process_time()
        self.run(iterations)
        _synchronize(self.device)
        return time.perf_counter() - wall, time.process_time() - cpu

    def calibrate(self, seconds: float) -> None:
        """Warm up, and choose the iterations of a block so that it takes ``seconds``, twice in a row."""
        self.timed(_COLD)
        self.iterations = 1
        while (shorter := min(self.timed(self.iterations)[0], self.timed(self.iterations)[0])) < seconds:
            wanted = self.iterations * 1.1 * seconds / max(shorter, 1e-9)
            self.iterations = math.ceil(min(wanted, self.iterations * _GROWTH))

    def block(self) -> None:
        """Time a block. An iteration first refills caches and thread pools, unless one is as long as a block."""
        if self.iterations > 1:
            self.timed(1)
        wall, cpu = self.timed(self.iterations)
        self.seconds.append(wall)
        self.cpu_seconds.append(cpu)

    def rates(self) -> list[float]:
        """Images a second in each block."""
        return speeds(self.seconds, self.images * self.iterations)

    def record(self) -> dict[str, Any]:
        """What a file says of it and of its blocks; times in seconds a block."""
        return {
            "name": self.name,
            **self.facts(),
            "settings": asdict(self.settings),
            "images_per_iteration": self.images,
            "iterations_per_block": self.iterations,
            "seconds": [round(each, 6) for each in self.seconds],
            "cpu_seconds": [round(each, 6) for each in self.cpu_seconds],
            "finite": self.finite(),
            "images_per_second": round(statistics.median(self.rates()), 1),
        }

    def finite(self) -> bool:
        """Whether all weights are finite; a training that broke may run at another speed."""
        return all(bool(weight.isfinite().all()) for module in self.weights for weight in module.parameters())


def plain(case: str, config: RunConfig, settings: Settings, device: torch.device, **how: Any) -> Contender:
    """The plain loop of ``case`` under torch's own ``settings``; ``how`` goes to the loop."""
    nets = networks(config, device)
    loader = mnist_loader(mnist_root(config.data), config.training.batch_size)
    loop = CASES[case][1](*nets, loader, config.options, device, **how)
    settings = replace(settings, cudnn_benchmark=loop.cudnn_benchmark, allocator="system")

    def run(iterations: int) -> None:
        for _ in range(iterations):
            loop.iterate()

    def facts() -> dict[str, Any]:
        return {"tier": type(loop).__name__, "precision": "fp32", **how}

    return Contender("plain", run, facts, images_per_iteration(config), settings, device, nets)


def ganzoo(name: str, session: Session, *, allocator: Allocator | None = None) -> Contender:
    """ganzoo's engine as its training loop drives it, in the tier that the session's config asks for.

    Args:
        name: what the table calls it.
        session: newly built; what is in force while it trains is while it is timed.
        allocator: what it runs under; None for the better one.

    Raises:
        GanzooError: the tier cannot be had here, or does not compute what the reference computes.
    """
    with session.in_force():
        settings = replace(Settings.now(), allocator=allocator or best_allocator(session.device))
    settings.apply()  # the gate of a tier compares speeds, too
    choice = choose(session.engine, session.config.training.engine)
    run, facts = partial(advance, session), partial(_facts, session, choice)
    images = images_per_iteration(session.config)
    return Contender(name, run, facts, images, settings, session.device, (session.engine.exported,))


def advance(session: Session, iterations: int) -> None:
    """Play so many iterations, and nothing else, as many at once as the tier does; the one place that plays."""
    engine = session.engine
    end = engine.iteration + iterations
    while engine.iteration < end:
        engine.iterate(end - engine.iteration)


def _facts(session: Session, choice: Choice) -> dict[str, Any]:
    """The tier and its gate, the arithmetic, and what was trained."""
    engine = session.engine
    return {
        "tier": engine.tier.name,
        "choice": choice.as_dict(),
        "precision": engine.precision,
        "config_sha256": session.config.digest(),
    }


def _synchronize(device: torch.device) -> None:
    """Wait until all that was launched on ``device`` is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
