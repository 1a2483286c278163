"""The package ``ganzoo_faults`` next to this file, installed for these tests alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ganzoo.registry import registry

SITE = Path(__file__).parent / "site"


@pytest.fixture(autouse=True, scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The package and its metadata are on the path, and the registry knows them until the module's tests are over."""
    top = tmp_path_factory.mktemp("site")
    info = top / "ganzoo_faults-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ganzoo-faults\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ganzoo]\nfaults = ganzoo_faults.plugin\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(top))
        patch.syspath_prepend(str(SITE))
        registry.cache_clear()
        yield
    registry.cache_clear()
