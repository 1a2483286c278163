"""Judge samples, whoever made them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from torch import Tensor

from ganzoo.data import DataOptions
from ganzoo.data.arrays import read_images
from ganzoo.data.catalog import find_source
from ganzoo.data.convert import to_pixels
from ganzoo.errors import ConfigError, DataError, DataNotFoundError, GanzooError, nearest
from ganzoo.metrics import evaluation
from ganzoo.metrics.judge import Judge
from ganzoo.metrics.plan import Plan, make_plan, plan_for_run, split_name
from ganzoo.metrics.results import Evaluation
from ganzoo.metrics.samples import Samples, StreamSamples
from ganzoo.registry import registry
from ganzoo.training.environment import find_device

from .runs import Run, load


def evaluate(
    source: str | Path | Run | Samples,
    against: str | Plan | None = None,
    *,
    metrics: Sequence[str] = (),
    features: str | None = None,
    n: int | None = None,
    repeats: int | None = None,
    seed: int = 0,
    resize: bool = False,
    device: str = "auto",
    data: DataOptions | None = None,
    say: Callable[[str], None] = lambda sentence: None,
) -> Evaluation:
    """Judge samples against real images, and give the floor beside every figure.

    Args:
        source: a run (its folder, or the object), a folder of images, a ``.npz`` or ``.npy`` file, or ``mnist:train``.
        against: ``mnist:test`` or ``folder:PATH``; for a run, the test split of what it was trained on if None, or its
            training split where there is no other.
        metrics: names of metrics or figures; all if empty.
        features: name of the feature extractor; the data set's own if None.
        n: samples in a repeat; as many as is usual for the real images if None: 10,000, and 26,000 for StackedMNIST.
        repeats: how often samples are drawn; 3, or as often as there are images, if None.
        seed: of the samples and of everything random in the metrics.
        resize: convert images of other shapes than the real images', instead of refusing them; or than the extractor's,
            which the data set's own always does.
        device: where generator and extractor run.
        data: where the real images lie, and whether they may be downloaded.
        say: told what takes long.

    Raises:
        ConfigError: a name, a shape or a number that does not fit.
        DataError: images that cannot be read, or too few of them.
        GanzooError: see :mod:`ganzoo.errors`.

    Example:
        >>> import ganzoo
        >>> ganzoo.evaluate("runs/first", "mnist:test", metrics=["fid"]).scores["fid"].mean  # doctest: +SKIP
        12.3
    """
    samples = source if isinstance(source, Samples) else find_samples(source, device=device, data=data)
    plan = against if isinstance(against, Plan) else _plan(samples, against, metrics, features, data)
    n = plan.samples if n is None else n
    # All that can be told at once is, since the features of the real images may take long.
    evaluation.check_numbers(n, repeats)
    samples.check(n, repeats or 1)
    plan.check(n)
    judge = Judge(plan, samples.shape, seed=seed, device=find_device(device), resize=resize, say=say)
    return evaluation.evaluate(samples, judge, n=n, repeats=repeats, seed=seed)


def find_samples(source: str | Path | Run, *, device: str = "cpu", data: DataOptions | None = None) -> Samples:
    """What ``source`` names: a run, an array file, a folder of images, or a split of a data set.

    Raises:
        DataNotFoundError: nothing is called so.
        GanzooError: it is there and cannot be read.
    """
    if isinstance(source, Run):
        return RunSamples(source)
    try:
        return _find(str(source), device, data)
    except GanzooError:
        raise
    except OSError as error:
        raise DataError(
            f"{source} cannot be read: {error.strerror}", fix="check the path and its permissions"
        ) from None


class RunSamples(Samples):
    """What the generator of a run draws; repeat r has the seed ``seed + r``.

    Args:
        run: the run.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.name = str(run.path)
        self.size = None
        self.shape = run.data.shape
        if run.game.needs.domains != ("images",):
            raise ConfigError(
                f"{run.path} translates images, so it draws nothing from noise",
                fix="write its images to a folder, and evaluate that",
            )

    def batches(self, n: int, *, seed: int, repeat: int) -> Iterator[Tensor]:
        """The images of ``Run.generate(n, seed=seed + repeat)``, uint8."""
        return (to_pixels(images) for images in self.run.stream(n, seed=seed + repeat))


def _not_found(source: str) -> DataNotFoundError:
    problem = f"there is no run, folder, file or data set called {source!r}"
    if source and Path(source).exists():
        problem = f"{source} is neither a folder nor a .npz or .npy file"
    elif near := nearest(source, registry().datasets()):
        problem += f"; did you mean {near!r}?"
    elif Path(source).name == "best" and (Path(source).parent / "config.toml").is_file():
        fix = "train with --eval-every N, by which the best snapshot is kept"
        return DataNotFoundError(f"the run {Path(source).parent} kept no best snapshot", fix=fix)
    choices = ["RUN", "FOLDER-OF-IMAGES", "FILE.npz", "FILE.npy", "DATASET:SPLIT, such as mnist:train"]
    return DataNotFoundError(problem, choices=choices, fix="check the path")


def _find(source: str, device: str, data: DataOptions | None) -> Samples:
    if not source:
        raise _not_found(source)
    path = Path(os.path.expanduser(source))  # Path.expanduser raises where there is no such user
    if (path / "config.toml").is_file() or (path / "generator.json").is_file():
        return RunSamples(load(path, device=device))
    if path.is_dir():
        return _dataset_samples(f"folder:{path}", "all", data)
    if path.suffix.lower() in (".npy", ".npz"):
        images, note = read_images(path)
        channels, height, width = images.images.shape[1:]
        return StreamSamples(images, source, (channels, height, width), note=note)
    name, split = split_name(source)
    if name.startswith("folder:") or name in registry().datasets() or ":" in source:
        return _dataset_samples(name, split or "train", data)
    raise _not_found(source)


def _dataset_samples(name: str, split: str, data: DataOptions | None) -> StreamSamples:
    source = find_source((data or DataOptions()).model_copy(update={"dataset": name}))
    known = [part for part, _ in source.info.sizes]
    if split != "all" and split not in known:
        raise ConfigError(f"data set {name} has no split {split!r}", choices=[f"{name}:{part}" for part in known])
    full = name if name.startswith("folder:") else f"{name}:{split}"
    return StreamSamples(source.open(split), full, source.info.shape)  # type: ignore[arg-type]


def _plan(
    samples: Samples, against: str | None, metrics: Sequence[str], features: str | None, data: DataOptions | None
) -> Plan:
    data = data or DataOptions()
    if isinstance(samples, RunSamples):
        trained = samples.run.config.data
        place = {"data_dir": data.data_dir or trained.data_dir, "download": data.download}
        return plan_for_run(trained.model_copy(update=place), against, metrics=metrics, features=features)
    if against is None:
        raise ConfigError(f"nothing is named to hold {samples.name} against", fix="add --against, such as mnist:test")
    return make_plan(against, metrics=metrics, features=features, data=data)
