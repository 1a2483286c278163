"""No plugin, however broken, takes the others down; each culprit is named with its reason."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from ganzoo.registry import PluginRecord, Registry, discovery
from ganzoo.registry.discovery import DISABLE, discover
from ganzoo.registry.settings import ALLOW, PREFER

GOOD = """
@hookimpl
def ganzoo_variants():
    return [variant("{name}")]
"""

BROKEN = {
    "raises at import": ("1 / 0", "ZeroDivisionError: division by zero (at import"),
    "needs what is not there": ("import not_installed_anywhere", "No module named 'not_installed_anywhere'"),
    "has a syntax error": ("def (:", "ganzoo_bad_plugin.py line 8)"),
    "exits at import": ("import sys; sys.exit(3)", "it ends the process with sys.exit(3) (at import"),
    "raises in a hook": (
        "@hookimpl\ndef ganzoo_variants(): raise OSError('no disk')",
        "OSError: no disk (in ganzoo_va",
    ),
    "exits in a hook": ("@hookimpl\ndef ganzoo_variants(): raise SystemExit", "sys.exit(None) (in ganzoo_variants"),
    "returns a number": ("@hookimpl\ndef ganzoo_variants(): return 3", "returned 3, not a list of VariantSpec"),
    "returns None": ("@hookimpl\ndef ganzoo_datasets(): return None", "returned None, not a list of DatasetSpec"),
    "returns what cannot be shown": (
        "class Evil:\n    def __repr__(self): raise ValueError\n@hookimpl\ndef ganzoo_variants(): return [Evil()]",
        "<Evil instance at",
    ),
    "raises what cannot be shown": (
        "class Evil(Exception):\n    def __str__(self): raise ValueError\nraise Evil",
        "Evil: <exception str() failed>",
    ),
    "returns junk": ("@hookimpl\ndef ganzoo_variants(): return ['gan']", "'gan' in it, which is no VariantSpec"),
    "returns the wrong spec": (
        "@hookimpl\ndef ganzoo_backbones(): return [variant('fake')]",
        "which is no BackboneSpec",
    ),
    "mistypes a hook": (
        "@hookimpl\ndef ganzoo_variant(): return []",
        "ganzoo_variant, which is no hook; did it mean ganzoo_variants?",
    ),
    "forgets the marker": ("def ganzoo_variants(): return []", "ganzoo_variants is not marked with @hookimpl"),
    "has no hook": ("", "it implements no hook"),
    "takes an argument that no hook has": ("@hookimpl\ndef ganzoo_variants(trainer): return []", "trainer"),
    "breaks a rule of the spec": ("@hookimpl\ndef ganzoo_variants(): return [variant('Fake GAN')]", "'Fake GAN'"),
    "says everything twice": (
        "@hookimpl\ndef ganzoo_variants(): return [variant('fake')] * 2",
        "it supplies variant 'fake' twice",
    ),
}


def record(name: str) -> PluginRecord:
    return next(plugin for plugin in discover() if plugin.name == name)


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_named_and_the_others_work(case, install):
    source, reason = BROKEN[case]
    install("ganzoo-bad", source, entry="bad")
    install("ganzoo-fine", GOOD.format(name="fine"))
    found = Registry(discover())
    bad = next(plugin for plugin in found.plugins if plugin.name == "bad")
    assert bad.state == "broken"
    assert reason in str(bad.reason)
    assert "pip uninstall ganzoo-bad" in str(bad.fix)
    assert bad.describe().startswith("plugin bad (ganzoo-bad 1.2) is broken: ")
    assert "\n" not in bad.describe()
    assert "fine" in found.variants()
    assert "mnist" in found.datasets()
    assert found.faulty() == (bad,)


def test_the_line_that_raised_is_told(install):
    site = install("ganzoo-bad", "\n\nraise ValueError('first line\\nsecond')", entry="bad")
    assert f"{site}/ganzoo_bad_plugin.py line " in str(record("bad").reason)
    assert "first line second" in str(record("bad").reason)


def test_a_missing_plugin_module_is_broken(install):
    site = install("ganzoo-bad", "", entry="bad")
    (site / "ganzoo_bad_plugin.py").unlink()
    assert "No module named 'ganzoo_bad_plugin'" in str(record("bad").reason)


def test_an_interrupt_is_not_swallowed(install):
    install("ganzoo-bad", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        discover()


@pytest.mark.parametrize(
    ("version", "fix"),
    [(99, "pip install --upgrade ganzoo"), (0, "pip install --upgrade ganzoo-old"), ("1", "--upgrade ganzoo-old")],
)
def test_another_api_version_is_incompatible(version, fix, install):
    install("ganzoo-old", f"@hookimpl\ndef ganzoo_variants(): return [variant('old', api_version={version!r})]")
    old = record("ganzoo-old")
    assert old.state == "incompatible"
    assert repr(version) in str(old.reason)
    assert str(old.fix).endswith(fix)
    assert old.specs == ()


def test_a_good_plugin_tells_where_it_comes_from(install):
    install("Ganzoo_Good", GOOD.format(name="good-gan"), entry="good")
    good = record("good")
    assert (good.state, good.reason, good.fix) == ("ok", None, None)
    assert str(good.origin) == "ganzoo-good 1.2"
    assert good.seconds > 0
    assert good.as_dict()["supplies"] == [{"kind": "variant", "name": "good-gan"}]


@pytest.mark.parametrize("named", ["bad", "ganzoo-bad", " other , bad"])
def test_a_disabled_plugin_is_not_imported(named, install, monkeypatch):
    install("ganzoo-bad", "raise RuntimeError", entry="bad")
    monkeypatch.setenv(DISABLE, named)
    bad = record("bad")
    assert (bad.state, bad.faulty) == ("disabled", False)
    assert DISABLE in str(bad.fix)


def test_with_an_allow_list_nothing_else_is_imported(install, monkeypatch):
    install("ganzoo-bad", "raise RuntimeError", entry="bad")
    install("ganzoo-fine", GOOD.format(name="fine"))
    monkeypatch.setenv(ALLOW, "Ganzoo_Fine, other")
    assert (record("ganzoo-fine").state, record("data").state) == ("ok", "ok")
    bad = record("bad")
    assert (bad.state, bad.reason) == ("disabled", "GANZOO_PLUGINS does not name it")
    assert bad.fix == "add bad to GANZOO_PLUGINS, or unset GANZOO_PLUGINS"


def test_a_preferred_distribution_has_the_name_and_the_other_gives_way(install, monkeypatch):
    install("ganzoo-one", GOOD.format(name="same"))
    install("ganzoo-two", GOOD.format(name="same"))
    monkeypatch.setenv(PREFER, "ganzoo-absent,Ganzoo_Two")
    one, two = record("ganzoo-one"), record("ganzoo-two")
    assert (one.state, two.state) == ("ok", "ok")
    assert one.notes == (
        "its variant 'same' gives way to ganzoo-two's, as GANZOO_PREFER says; ganzoo-one:same means this one",
    )
    assert two.notes == ()
    found = Registry(discover())
    assert found.variant("same").origin.distribution == found.variants()["same"].origin.distribution == "ganzoo-two"
    assert found.variant("ganzoo-one:same").origin.distribution == "ganzoo-one"


def test_two_distributions_that_claim_a_name_are_both_in_conflict(install):
    install("ganzoo-one", GOOD.format(name="same"))
    install("ganzoo-two", GOOD.format(name="same"))
    one, two = record("ganzoo-one"), record("ganzoo-two")
    assert (one.state, two.state) == ("conflict", "conflict")
    assert "variant 'same' is claimed by ganzoo-two 1.2 too" in str(one.reason)
    assert "ganzoo-two:same" in str(two.fix)
    assert "set GANZOO_PREFER=ganzoo-two" in str(two.fix)


def test_one_name_for_a_variant_and_a_backbone_is_no_conflict(install):
    install("ganzoo-one", GOOD.format(name="same"))
    install(
        "ganzoo-two",
        "@hookimpl\ndef ganzoo_backbones():\n"
        "    return [BackboneSpec(name='same', summary='s', builder='os:getcwd', options=GANOptions)]",
    )
    assert record("ganzoo-one").state == record("ganzoo-two").state == "ok"


def test_metadata_found_twice_is_no_conflict(install):
    install("ganzoo-one", GOOD.format(name="same"), folder="here")
    install("ganzoo-one", GOOD.format(name="same"), folder="there", version="1.3")
    found = [plugin for plugin in discover() if plugin.name == "ganzoo-one"]
    assert [plugin.state for plugin in found] == ["ok"]
    assert found[0].origin.version == "1.3"  # the first on sys.path, which is what Python imports


def test_an_entry_point_listed_twice_is_no_conflict(install, monkeypatch):
    install("ganzoo-one", GOOD.format(name="same"))
    points = [*entry_points(group="ganzoo"), *entry_points(group="ganzoo")]
    monkeypatch.setattr(discovery, "entry_points", lambda group: points)
    assert [plugin.state for plugin in discover() if plugin.name == "ganzoo-one"] == ["ok"]


def test_a_name_of_ganzoo_itself_stays_its_own(install, monkeypatch):
    monkeypatch.setenv(PREFER, "ganzoo-thief")
    thief = "@hookimpl\ndef ganzoo_datasets(): return [DatasetSpec(name='mnist', summary='s', builder='os:getcwd')]"
    install("ganzoo-thief", thief)
    assert record("ganzoo-thief").state == "conflict"
    assert record("data").state == "ok"
    found = Registry(discover())
    assert found.dataset("mnist").origin.distribution == "ganzoo"
    assert found.dataset("ganzoo-thief:mnist").origin.distribution == "ganzoo-thief"
