"""Where code comes from is read from what the installer wrote."""

from __future__ import annotations

import importlib.metadata
import json

import pytest

import ganzoo
from ganzoo.registry.discovery import discover
from ganzoo.registry.provenance import core_origin, normalise, origin_of

GOOD = "@hookimpl\ndef ganzoo_variants(): return [variant('fake-gan')]"


@pytest.mark.parametrize(
    ("direct_url", "source", "revision"),
    [
        (None, "wheel", None),
        ({"url": "file:///somewhere", "dir_info": {"editable": True}}, "editable", None),
        ({"url": "file:///somewhere", "dir_info": {}}, "wheel", None),
        ({"url": "https://x/y.git", "vcs_info": {"vcs": "git", "commit_id": "abc123"}}, "vcs", "abc123"),
    ],
)
def test_how_a_plugin_was_installed(direct_url, source, revision, install):
    install("ganzoo-one", GOOD, direct_url=json.dumps(direct_url) if direct_url else None)
    origin = next(plugin.origin for plugin in discover() if plugin.name == "ganzoo-one")
    assert (origin.source, origin.revision, origin.editable) == (source, revision, source == "editable")
    assert origin.as_dict() == {
        "distribution": "ganzoo-one",
        "version": "1.2",
        "editable": source == "editable",
        "module": "ganzoo_one_plugin",
        "source": source,
        "revision": revision,
    }


def test_garbled_metadata_makes_nothing_fail(install):
    site = install("ganzoo-one", GOOD, direct_url="{not json")
    (site / "ganzoo_one-1.2.dist-info" / "METADATA").unlink()
    plugin = next(plugin for plugin in discover() if plugin.name == "ganzoo-one")
    assert plugin.state == "ok"
    assert (plugin.origin.source, plugin.origin.version) == ("wheel", "unknown")


def test_code_without_a_distribution_is_of_unknown_origin():
    assert str(origin_of(None, "module")) == "unknown unknown"


def test_ganzoo_knows_itself_also_where_it_is_not_installed(monkeypatch):
    assert core_origin("ganzoo.data.builtin").version == ganzoo.__version__

    def nothing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("ganzoo.registry.provenance.distribution", nothing)
    origin = core_origin("ganzoo.data.builtin")
    assert (origin.distribution, origin.version, origin.editable) == ("ganzoo", ganzoo.__version__, True)


def test_names_are_normalised():
    assert normalise("Ganzoo_My.GAN") == "ganzoo-my-gan"
