"""Train, load and sample in a few lines; the command line is a thin face over this module.

Example:
    >>> import ganzoo
    >>> run = ganzoo.train("vanilla", dataset="digits", steps=20, out="/tmp/ganzoo-example")  # doctest: +SKIP
    >>> ganzoo.load(run.path).generate(16).shape  # doctest: +SKIP
    torch.Size([16, 1, 8, 8])
"""

from .evaluation import evaluate, find_samples
from .runs import Run, load, load_config
from .training import resume, start, train

__all__ = ["Run", "evaluate", "find_samples", "load", "load_config", "resume", "start", "train"]
