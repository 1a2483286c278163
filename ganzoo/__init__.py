"""ganzoo: a pluggable zoo of generative adversarial networks.

The public names below are imported when they are first used, so that ``import ganzoo`` costs next to nothing and leaves
torch alone.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import data as data
    from . import errors as errors
    from . import game as game
    from . import options as options
    from . import parts as parts
    from . import registry as registry
    from .api import Run as Run
    from .api import evaluate as evaluate
    from .api import load as load
    from .api import resume as resume
    from .api import train as train
    from .errors import GanzooError as GanzooError
    from .game import GAN as GAN
    from .game import Batch as Batch
    from .game import DataNeeds as DataNeeds
    from .game import Discriminator as Discriminator
    from .game import FeatureDiscriminator as FeatureDiscriminator
    from .game import Game as Game
    from .game import Generator as Generator
    from .game import Loss as Loss
    from .game import Networks as Networks
    from .game import Penalty as Penalty
    from .game import Player as Player
    from .game import Terms as Terms
    from .game import Turn as Turn
    from .options import GANOptions as GANOptions
    from .options import OptimizerSpec as OptimizerSpec
    from .options import Options as Options
    from .options import ScheduleSpec as ScheduleSpec
    from .registry import BackboneSpec as BackboneSpec
    from .registry import DatasetSpec as DatasetSpec
    from .registry import ExtractorSpec as ExtractorSpec
    from .registry import Figure as Figure
    from .registry import MetricSpec as MetricSpec
    from .registry import NetworkRequest as NetworkRequest
    from .registry import ObserverSpec as ObserverSpec
    from .registry import Paper as Paper
    from .registry import VariantSpec as VariantSpec
    from .registry import hookimpl as hookimpl

_MODULES = {
    "api": ("Run", "evaluate", "load", "resume", "train"),
    "errors": ("GanzooError",),
    "game": (
        *("GAN", "Batch", "DataNeeds", "Discriminator", "FeatureDiscriminator", "Game", "Generator", "Loss"),
        *("Networks", "Penalty", "Player", "Terms", "Turn"),
    ),
    "options": ("GANOptions", "OptimizerSpec", "Options", "ScheduleSpec"),
    "registry": (
        *("BackboneSpec", "DatasetSpec", "ExtractorSpec", "Figure", "MetricSpec", "NetworkRequest", "ObserverSpec"),
        *("Paper", "VariantSpec", "hookimpl"),
    ),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}
_SUBPACKAGES = ("data", "errors", "game", "options", "parts", "registry")

__all__ = ["__version__", *_SUBPACKAGES, *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name in _SUBPACKAGES:
        return importlib.import_module(f".{name}", __name__)
    if name not in _HOME:
        raise AttributeError(f"module 'ganzoo' has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
