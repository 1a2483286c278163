"""What the environment says about plugins, and what it says in vain."""

from __future__ import annotations

import pytest

from ganzoo.errors import ConfigError
from ganzoo.registry import Registry
from ganzoo.registry.discovery import discover
from ganzoo.registry.settings import ALLOW, DISABLE, PREFER, TIMEOUT, preferred, time_limit

GOOD = "@hookimpl\ndef ganzoo_variants(): return [variant('fake-gan')]"


@pytest.mark.parametrize(
    ("variable", "value", "remark"),
    [
        (DISABLE, "ganzoo-fake,fkae", "names 'fkae', which is no installed plugin; did you mean 'fake'?"),
        (DISABLE, "data", "names 'data', which is a part of ganzoo and stays"),
        (ALLOW, "fake,zzz", "names 'zzz', which is no installed plugin"),
        (PREFER, "ganzoo-fakr", "which is no distribution with a plugin; did you mean 'ganzoo-fake'?"),
        (PREFER, "fake", "names 'fake', which is no distribution with a plugin"),
    ],
)
def test_a_name_in_vain_is_told_with_the_nearest(variable, value, remark, install, monkeypatch):
    install("ganzoo-fake", GOOD, entry="fake")
    monkeypatch.setenv(variable, value)
    (found,) = Registry(discover()).remarks()
    assert found.startswith(variable)
    assert remark in found


def test_right_names_and_empty_ones_are_no_remark(install, monkeypatch):
    install("ganzoo-fake", GOOD, entry="fake")
    for variable, value in {DISABLE: "fake, ", ALLOW: "Ganzoo.Fake,fake", PREFER: "ganzoo-fake"}.items():
        monkeypatch.setenv(variable, value)
    assert Registry(discover()).remarks() == []


def test_the_first_preferred_distribution_that_claims_has_it(monkeypatch):
    monkeypatch.setenv(PREFER, "c, B")
    assert preferred(["a", "b", "c"]) == "c"
    assert preferred(["a", "b"]) == "b"
    assert preferred(["a"]) is None


def test_the_time_limit(monkeypatch):
    monkeypatch.delenv(TIMEOUT, raising=False)
    assert time_limit() == 20
    monkeypatch.setenv(TIMEOUT, "2.5")
    assert time_limit() == 2.5


@pytest.mark.parametrize("value", ["soon", "0", "-1", "nan", "inf"])
def test_a_time_limit_that_is_none_is_refused(value, monkeypatch):
    monkeypatch.setenv(TIMEOUT, value)
    with pytest.raises(ConfigError, match=f"GANZOO_PLUGIN_TIMEOUT is '{value}'"):
        time_limit()
