"""Who watches a run: observers are told what happens and change nothing of it."""

from .base import Guarded, Observer, Observers, Progress, RunView
from .metrics_log import MetricsLog
from .named import make_observers

__all__ = ["Guarded", "MetricsLog", "Observer", "Observers", "Progress", "RunView", "make_observers"]
