"""The command line as a user meets it: a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shell() -> Shell:
    """``shell("list", "--json")`` runs ``ganzoo list --json`` in a fresh process; keyword arguments are environment."""

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ganzoo", *words]
        env = {**os.environ, **environment}
        return subprocess.run(command, capture_output=True, text=True, env=env, timeout=120, check=False)

    return run


@pytest.fixture
def broken_site(tmp_path: Path) -> Path:
    """A folder for ``PYTHONPATH`` with an installed plugin ``bad`` that raises at import."""
    info = tmp_path / "ganzoo_bad-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ganzoo-bad\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[ganzoo]\nbad = ganzoo_bad\n")
    (tmp_path / "ganzoo_bad.py").write_text("raise RuntimeError('[bold]no luck[/bold]')\n")
    return tmp_path
