"""From the name of a data set to its source. Free of torch."""

from __future__ import annotations

from ganzoo.errors import PluginError
from ganzoo.registry import blame, load_builder, registry

from .folder import PREFIX
from .options import DataOptions
from .source import Source


def find_source(options: DataOptions) -> Source:
    """The source of ``options.dataset``, built in or from a plugin; neither files nor torch are touched for it.

    Raises:
        UnknownNameError: nothing is called so; the nearest name is suggested.
        PluginError: the plugin that supplies it fails, or gives something else.
    """
    name = "folder" if options.dataset.startswith(PREFIX) else options.dataset
    entry = registry().dataset(name)
    builder = load_builder(entry.spec)
    what = f"data set {name!r} of {entry.origin.distribution} {entry.origin.version}"
    with blame(entry):
        source = builder(options)
    if not isinstance(source, Source):
        raise PluginError(f"{what}: {entry.spec.builder} gives {source!r:.60}; it must give a ganzoo.data.Source")
    return source
