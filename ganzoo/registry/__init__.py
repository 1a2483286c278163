"""Specs, hooks and discovery of plugins. Importing this package does not import torch."""

from .hooks import ENTRY_POINT_GROUP, hookimpl
from .specs import API_VERSION, BackboneSpec, DatasetSpec, NetworkRequest, Paper, VariantSpec

__all__ = [
    "API_VERSION",
    "ENTRY_POINT_GROUP",
    "BackboneSpec",
    "DatasetSpec",
    "NetworkRequest",
    "Paper",
    "VariantSpec",
    "hookimpl",
]
