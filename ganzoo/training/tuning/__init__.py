"""CPU threads and memory allocator of a run, asked for or chosen by a short trial."""

from .allocator import can_keep
from .auto import tune
from .cache import TuningCache
from .choice import Tuning

__all__ = ["Tuning", "TuningCache", "can_keep", "tune"]
