"""Old spellings of the plugin API go on working, with a warning that names the new one."""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass

import pytest

from ganzoo.errors import PluginError
from ganzoo.registry import loading
from ganzoo.registry.deprecation import GanzooDeprecationWarning, renamed_fields, renamed_names
from ganzoo.registry.discovery import discover
from ganzoo.registry.specs import Spec


@pytest.fixture
def module(monkeypatch):
    made = types.ModuleType("ganzoo_renamed")
    made.New = object()
    made.__getattr__ = renamed_names("ganzoo_renamed", {"Old": "New"})
    monkeypatch.setitem(sys.modules, "ganzoo_renamed", made)
    return made


def test_an_old_name_of_a_module_is_the_new_one(module):
    with pytest.warns(GanzooDeprecationWarning, match=r"ganzoo_renamed.Old is deprecated .* write ganzoo_renamed.New"):
        assert module.Old is module.New
    with pytest.raises(AttributeError, match="has no attribute 'Older'"):
        module.Older  # noqa: B018


@renamed_fields(defaults="training")
@dataclass(frozen=True, kw_only=True)
class ToySpec(Spec):
    training: int = 0


def test_an_old_field_is_taken_and_read_as_the_new_one():
    with pytest.warns(GanzooDeprecationWarning, match="the field defaults of ToySpec is deprecated") as caught:
        spec = ToySpec(name="toy", summary="s", builder="m:f", defaults=3)
    assert caught[0].filename == __file__
    assert spec.training == 3
    with pytest.warns(GanzooDeprecationWarning, match="write training"):
        assert spec.defaults == 3
    assert ToySpec(name="toy", summary="s", builder="m:f", training=3) == spec


def test_both_names_of_a_field_are_refused():
    with pytest.raises(PluginError, match="two names of one field"):
        ToySpec(name="toy", summary="s", builder="m:f", defaults=3, training=3)


def test_an_old_hook_is_called_as_the_new_one(install, monkeypatch):
    monkeypatch.setitem(loading.RENAMED_HOOKS, "ganzoo_gans", "ganzoo_variants")
    install("ganzoo-old", "@hookimpl\ndef ganzoo_gans(): return [variant('old')]")
    with pytest.warns(GanzooDeprecationWarning, match="the hook ganzoo_gans is deprecated .* write ganzoo_variants"):
        (record,) = [plugin for plugin in discover() if plugin.name == "ganzoo-old"]
    assert record.state == "ok"
    assert [spec.name for spec in record.specs] == ["old"]
