"""Specs, hooks and discovery of plugins. Importing this package does not import torch."""

from .hooks import ENTRY_POINT_GROUP, hookimpl
from .lookup import Entry, Registry, blame, load_builder, registry
from .provenance import Origin
from .records import PluginRecord
from .specs import (
    API_VERSION,
    BackboneSpec,
    DatasetSpec,
    ExtractorSpec,
    Figure,
    MetricSpec,
    NetworkRequest,
    ObserverSpec,
    Paper,
    Spec,
    VariantSpec,
)

__all__ = [
    "API_VERSION",
    "ENTRY_POINT_GROUP",
    "BackboneSpec",
    "DatasetSpec",
    "Entry",
    "ExtractorSpec",
    "Figure",
    "MetricSpec",
    "NetworkRequest",
    "ObserverSpec",
    "Origin",
    "Paper",
    "PluginRecord",
    "Registry",
    "Spec",
    "VariantSpec",
    "blame",
    "hookimpl",
    "load_builder",
    "registry",
]
