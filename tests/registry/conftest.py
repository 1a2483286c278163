"""Real plugin distributions in a temporary folder: a module, and the metadata that an installer would write."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ganzoo.registry import discovery
from ganzoo.registry.verdicts import Verdict

PREAMBLE = """
from ganzoo.options import GANOptions
from ganzoo.registry import BackboneSpec, DatasetSpec, Paper, VariantSpec, hookimpl

def variant(name, **more):
    return VariantSpec(name=name, summary="for tests", builder=more.pop("builder", "os:getcwd"), options=GANOptions,
                       backbone=None, paper=Paper(authors="Nobody", year=2020, title="Nothing"), **more)
"""

Install = Callable[..., Path]


@pytest.fixture(autouse=True)
def _unvetted(monkeypatch: pytest.MonkeyPatch) -> None:
    """No processes are started for plugins that the test at hand does not vet itself: all are loaded here."""
    monkeypatch.setattr(discovery, "vet", lambda plugins: [Verdict() for _ in plugins])


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """``install(distribution, source)`` puts a plugin on ``sys.path`` that ``entry_points()`` finds."""
    modules: list[str] = []

    def put(
        distribution: str,
        source: str,
        *,
        entry: str | None = None,
        module: str | None = None,
        version: str = "1.2",
        direct_url: str | None = None,
        folder: str | None = None,
    ) -> Path:
        site = tmp_path / (folder or distribution)
        name = module or f"{distribution.replace('-', '_')}_plugin"
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[ganzoo]\n{entry or distribution} = {name}\n")
        if direct_url:
            (info / "direct_url.json").write_text(direct_url)
        (site / f"{name}.py").write_text(PREAMBLE + source)
        monkeypatch.syspath_prepend(str(site))
        modules.append(name)
        return site

    yield put
    for name in modules:
        sys.modules.pop(name, None)
