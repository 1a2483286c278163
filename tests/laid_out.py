"""Distributions laid out as pip installs them, without a build backend, and commands that see them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path


def lay_out(project: Path, site: Path, *, editable: bool = False) -> Path:
    """Put the package of the source tree ``project``, and its metadata, into ``site``, a folder for PYTHONPATH.

    An ``editable`` one stays where it is, and what runs must have ``project`` on its path too.
    """
    site.mkdir(parents=True, exist_ok=True)
    told = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    for package in [] if editable else told["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        shutil.copytree(project / package, site / package, ignore=shutil.ignore_patterns("__pycache__"))
    name, version = told["project"]["name"], told["project"]["version"]
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    points = "\n".join(f"{key} = {module}" for key, module in told["project"]["entry-points"]["ganzoo"].items())
    (info / "entry_points.txt").write_text(f"[ganzoo]\n{points}\n")
    return site


def run_python(
    *words: str, site: Path | None = None, cwd: Path | None = None, timeout: float = 240
) -> subprocess.CompletedProcess[str]:
    """``python -m`` with ``words`` in a process of its own, before whose packages stand those in ``site``."""
    environment = _environment() | ({"PYTHONPATH": str(site)} if site else {})
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout)


def run_ganzoo(
    *words: str, site: Path | None = None, cwd: Path | None = None, timeout: float = 240
) -> subprocess.CompletedProcess[str]:
    """``ganzoo`` with ``words``, likewise."""
    return run_python("ganzoo", *words, site=site, cwd=cwd, timeout=timeout)


def own_tests(project: Path, site: Path, *words: str, timeout: float = 400) -> subprocess.CompletedProcess[str]:
    """The tests of ``project``, by the settings in its own pyproject.toml."""
    command = ("pytest", "-q", "-p", "no:cacheprovider", "-c", str(project / "pyproject.toml"), *words)
    return run_python(*command, site=site, cwd=project, timeout=timeout)


def _environment() -> Mapping[str, str]:
    """This one's without what steers our own tests."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV"))}
