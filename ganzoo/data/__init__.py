"""One loader for all data sets. Importing this package does not import torch."""

from .info import DataInfo
from .options import DataOptions

__all__ = ["DataInfo", "DataOptions"]
