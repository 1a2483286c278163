"""Where a plugin's code comes from: which distribution, which version, and whether it can change under a run."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any, Literal

import ganzoo

CORE = "ganzoo"
"""The distribution whose names no plugin can take."""

Source = Literal["wheel", "editable", "vcs"]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where code comes from.

    Attributes:
        distribution: normalised name (PEP 503) of what ``pip`` installed.
        version: its version.
        module: the plugin module, as its entry point names it.
        source: ``editable`` if it runs from a checkout that can change, ``vcs`` if it was installed from a repository,
            else ``wheel``; read from ``direct_url.json`` (PEP 610).
        revision: the commit of a ``vcs`` installation.
    """

    distribution: str
    version: str
    module: str
    source: Source = "wheel"
    revision: str | None = None

    @property
    def editable(self) -> bool:
        """Whether the code runs from a checkout, so that the version alone does not tell what it was."""
        return self.source == "editable"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for ``run.json`` and ``--json``."""
        return {
            "distribution": self.distribution,
            "version": self.version,
            "editable": self.editable,
            "module": self.module,
            "source": self.source,
            "revision": self.revision,
        }

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


def origin_of(dist: Distribution | None, module: str) -> Origin:
    """The origin of ``module``, supplied by ``dist``; "unknown" stands for what its metadata does not tell."""
    if dist is None:
        return Origin(distribution="unknown", version="unknown", module=module)
    source, revision = _installation(dist)
    return Origin(
        distribution=normalise(_field(dist, "Name")),
        version=_field(dist, "Version"),
        module=module,
        source=source,
        revision=revision,
    )


def core_origin(module: str) -> Origin:
    """The origin of a module of ganzoo itself, also where ganzoo runs without having been installed."""
    try:
        return origin_of(distribution(CORE), module)
    except PackageNotFoundError:
        return Origin(distribution=CORE, version=ganzoo.__version__, module=module, source="editable")


def normalise(name: str) -> str:
    """A distribution's name as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _field(dist: Distribution, name: str) -> str:
    try:
        return dist.metadata[name] or "unknown"
    except Exception:  # what is raised for a missing METADATA file differs between versions of Python
        return "unknown"


def _installation(dist: Distribution) -> tuple[Source, str | None]:
    try:
        record = json.loads(dist.read_text("direct_url.json") or "{}")
    except ValueError:  # whoever wrote that file got it wrong; nothing depends on it
        record = {}
    if record.get("dir_info", {}).get("editable"):
        return "editable", None
    if vcs := record.get("vcs_info"):
        return "vcs", vcs.get("commit_id")
    return "wheel", None
