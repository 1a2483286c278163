"""The hooks that a plugin module may implement, each with ``@hookimpl``.

A plugin is a torch-free module named by an entry point of the group ``ganzoo``::

    [project.entry-points.ganzoo]
    my-gan = "ganzoo_my_gan.plugin"
"""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from .specs import BackboneSpec, DatasetSpec, ExtractorSpec, MetricSpec, ObserverSpec, VariantSpec

ENTRY_POINT_GROUP = "ganzoo"

hookspec = pluggy.HookspecMarker(ENTRY_POINT_GROUP)
hookimpl = pluggy.HookimplMarker(ENTRY_POINT_GROUP)


@hookspec
def ganzoo_variants() -> Sequence[VariantSpec]:  # type: ignore[empty-body]
    """The variants that this plugin supplies."""


@hookspec
def ganzoo_backbones() -> Sequence[BackboneSpec]:  # type: ignore[empty-body]
    """The generator-discriminator pairs that this plugin supplies."""


@hookspec
def ganzoo_datasets() -> Sequence[DatasetSpec]:  # type: ignore[empty-body]
    """The data sets that this plugin supplies."""


@hookspec
def ganzoo_extractors() -> Sequence[ExtractorSpec]:  # type: ignore[empty-body]
    """The feature extractors that this plugin supplies."""


@hookspec
def ganzoo_metrics() -> Sequence[MetricSpec]:  # type: ignore[empty-body]
    """The metrics that this plugin supplies."""


@hookspec
def ganzoo_observers() -> Sequence[ObserverSpec]:  # type: ignore[empty-body]
    """The observers of runs that this plugin supplies."""
