"""One loader for all data sets. Importing this package does not import torch.

For a data set of one's own, derive from :class:`TensorSource` (or from :class:`Source` for one that does not fit into
memory) and name it in a :class:`~ganzoo.registry.DatasetSpec`.
"""

from .images import ImageSet, TensorSource
from .info import DataInfo
from .options import DataOptions
from .source import FileReport, Report, Source, Split, Stream

__all__ = [
    "DataInfo",
    "DataOptions",
    "FileReport",
    "ImageSet",
    "Report",
    "Source",
    "Split",
    "Stream",
    "TensorSource",
]
