"""From the name of a data set to its source. Free of torch."""

from __future__ import annotations

from ganzoo.errors import ConfigError, PluginError
from ganzoo.registry import DatasetSpec, blame, load_builder, registry

from .folder import PREFIX
from .options import RARE, DataOptions
from .source import Source


def find_source(options: DataOptions) -> Source:
    """The source of ``options.dataset``, built in or from a plugin; neither files nor torch are touched for it.

    Raises:
        UnknownNameError: nothing is called so; the nearest name is suggested.
        ConfigError: an option was set that the data set has no use for.
        PluginError: the plugin that supplies it fails, or gives something else.
    """
    name = "folder" if options.dataset.startswith(PREFIX) else options.dataset
    entry = registry().dataset(name)
    _refuse_idle(options, entry.spec)
    builder = load_builder(entry.spec)
    what = f"data set {name!r} of {entry.origin.distribution} {entry.origin.version}"
    with blame(entry):
        source = builder(options)
    if not isinstance(source, Source):
        raise PluginError(f"{what}: {entry.spec.builder} gives {source!r:.60}; it must give a ganzoo.data.Source")
    return source


def _refuse_idle(options: DataOptions, spec: DatasetSpec) -> None:
    for name in RARE:
        value = getattr(options, name)
        if value is not None and name not in spec.heeds:
            users = " or ".join(user for user, entry in registry().datasets().items() if name in entry.spec.heeds)
            raise ConfigError(
                f"{name} is {value}, and data set {options.dataset} has no use for it; it is for {users}",
                fix=f"leave it out, or choose --dataset {users}",
            )
