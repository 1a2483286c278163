"""Evaluations during training: figures of the samples, and the best snapshot."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ganzoo.config import RunConfig, plan_evaluations
from ganzoo.data import DataInfo
from ganzoo.data.convert import to_pixels
from ganzoo.errors import CheckpointError, ConfigError
from ganzoo.metrics.judge import Judge, Say

from .checkpoint import check_finite, read_json, standing
from .engine import Engine
from .export import Exported, write_exported
from .run_folder import RunFolder
from .sampling import apart, draw
from .seeding import generator


@dataclass(frozen=True)
class Best:
    """The best evaluation so far.

    Attributes:
        figure: by which it is the best.
        value: of the figure.
        step: iterations after which it was measured.
    """

    figure: str
    value: float
    step: int


class Evaluator:
    """Judges a run's samples, and keeps the snapshot that comes out best in ``best/`` of the run folder.

    The samples are those of ``ganzoo.load(run).generate(n, seed=seed)``, so ``ganzoo eval`` finds the same figures.

    Args:
        config: the resolved config, with ``eval_every`` above 0.
        info: what is trained on.
        engine: holds the module that is sampled.

    Attributes:
        say: told each note and each warning, once.

    Raises:
        ConfigError: a figure that cannot be the yardstick, or a game that draws nothing from noise.
        GanzooError: metrics, real images or the extractor's weights are missing or do not fit.
    """

    def __init__(self, config: RunConfig, info: DataInfo, engine: Engine) -> None:
        options = config.training
        if engine.game.needs.domains != ("images",):
            raise ConfigError(
                f"{config.variant} translates images, and evaluations need samples that are drawn from noise",
                fix="leave --eval-every out",
            )
        plan = plan_evaluations(config)
        self.figure = plan.yardstick(options.eval_best)
        self.judge = Judge(plan, info.shape, seed=options.seed, device=engine.device, resize=True)
        self.seconds = 0.0
        self.best: Best | None = None
        self.say: Say = lambda sentence: None
        self._told: set[str] = set()
        self._dropped = ""
        self._config, self._info, self._engine = config, info, engine

    def evaluate(self, folder: RunFolder) -> tuple[dict[str, float], bool]:
        """Judge the exported module as it is now: the figures by name, and whether they are the best so far.

        The weights are written before this returns if they are. No random stream of the training moves.

        Raises:
            NonFiniteError: a weight or an image is NaN or infinite; nothing was written.
        """
        start = time.monotonic()
        engine, options = self._engine, self._config.training
        check_finite("exported", dict(engine.exported.state_dict()), engine.iteration)
        self.judge.warnings.clear()
        with apart(engine.device):
            rng = generator(options.seed, "generate", device=engine.device)
            images = draw(engine.game, engine.exported, options.eval_samples, rng)
            found = self.judge.measure(self.judge.features(map(to_pixels, images)))
        self._tell(self.judge.without_figure(found))
        values = {name: estimate.value for name, estimate in found.items()}
        best = self._keep(values, folder)
        seconds = time.monotonic() - start
        self.seconds += seconds
        return {**{f"eval/{name}": value for name, value in values.items()}, "eval/seconds": round(seconds, 3)}, best

    def state(self) -> dict[str, Any]:
        """Plain values from which :meth:`restore` goes on."""
        return {
            "seconds": self.seconds,
            "protocol": self._protocol(),
            "best": asdict(self.best) if self.best else None,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`state` gave; the best of another protocol cannot be compared with, and is dropped."""
        self.seconds = float(state.get("seconds", 0.0))
        best = state.get("best")
        if best and state.get("protocol") == self._protocol():
            self.best = Best(str(best["figure"]), float(best["value"]), int(best["step"]))
        elif best:
            self._dropped = (
                f"warning: the best snapshot so far, of step {best['step']} by {best['figure']}, was chosen under "
                "other conditions than evaluations have now, and gives way to the first one that they judge"
            )

    def _protocol(self) -> dict[str, Any]:
        """What two figures must share to be compared."""
        return {
            "figure": self.figure.name,
            "against": self.judge.plan.against,
            "extractor": self.judge.extractor.name,
            "extractor_sha256": self.judge.extractor.digest,
            "samples": self._config.training.eval_samples,
            "seed": self._config.training.seed,
            **self.judge.plan.framing,
        }

    def _tell(self, missing: Sequence[str]) -> None:
        """Say what has not been said yet: how images were converted, what to beware of, and what has no figure."""
        sentences = [f"note: {note}" for note in self.judge.notes]
        sentences += [f"warning: {warning}" for warning in self.judge.warnings]
        against = self.judge.plan.against
        sentences += [
            f"warning: {name} has no figure for the samples of this run against {against}" for name in missing
        ]
        for sentence in filter(None, [self._dropped, *sentences]):
            if sentence not in self._told:
                self._told.add(sentence)
                self.say(sentence)

    def _keep(self, values: dict[str, float], folder: RunFolder) -> bool:
        if self.figure.name not in values:
            return False
        value, step = values[self.figure.name], self._engine.iteration
        sign = 1 if self.figure.better == "lower" else -1
        if self.best and self._lies_in(folder) and sign * value >= sign * self.best.value:
            return False
        self.best = Best(self.figure.name, value, step)
        weights = dict(self._engine.exported.state_dict())
        evaluation: dict[str, Any] = {**self._protocol(), "figures": values}
        if self.judge.warnings:
            evaluation["warnings"] = list(self.judge.warnings)
        write_exported(folder.best, Exported(self._config, self._info, step, weights, evaluation))
        return True

    def _lies_in(self, folder: RunFolder) -> bool:
        """Whether ``best/`` holds the best: a kill between an evaluation and the next checkpoint parts the two."""
        assert self.best is not None
        try:
            found = read_json(standing(folder.best) / "generator.json")
        except CheckpointError:
            return False
        evaluation = found.get("evaluation") or {}
        value = evaluation.get("figures", {}).get(self.best.figure)
        alike = self._protocol().items() <= evaluation.items()
        return bool(alike and (found.get("step"), value) == (self.best.step, self.best.value))
