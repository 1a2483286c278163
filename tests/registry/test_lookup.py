"""Names lead to specs, or to an error that says what to do."""

from __future__ import annotations

import pytest

from ganzoo.errors import MissingExtraError, PluginError, UnknownNameError
from ganzoo.options import GANOptions
from ganzoo.registry import DatasetSpec, Paper, Registry, VariantSpec, discovery, load_builder, registry
from ganzoo.registry.discovery import DISABLE, discover

GOOD = "@hookimpl\ndef ganzoo_variants(): return [variant({name!r})]"


def spec(builder: str) -> VariantSpec:
    return VariantSpec(
        name="fake",
        summary="for tests",
        builder=builder,
        options=GANOptions,
        backbone=None,
        paper=Paper(authors="Nobody", year=2020, title="Nothing"),
    )


def test_a_variant_is_found_by_its_name_and_by_its_full_name(install):
    install("ganzoo-one", GOOD.format(name="fake-gan"))
    found = Registry(discover())
    entry = found.variant("fake-gan")
    assert entry.spec.name == "fake-gan"
    assert entry.qualified_name == "ganzoo-one:fake-gan"
    assert found.variant("ganzoo-one:fake-gan") == entry == found.variants()["fake-gan"]


def test_an_unknown_name_gets_the_nearest_one_and_the_choices(install):
    install("ganzoo-one", GOOD.format(name="fake-gan"))
    with pytest.raises(UnknownNameError, match=r"unknown variant 'fake-gn'; did you mean 'fake-gan'\?") as caught:
        Registry(discover()).variant("fake-gn")
    assert "fake-gan" in caught.value.choices
    with pytest.raises(UnknownNameError, match="unknown backbone 'nothing-like-it'"):
        registry().backbone("nothing-like-it")


def test_a_full_name_with_another_distribution_is_unknown(install):
    install("ganzoo-one", GOOD.format(name="fake-gan"))
    with pytest.raises(UnknownNameError, match="ganzoo-two:fake-gan"):
        Registry(discover()).variant("ganzoo-two:fake-gan")


def test_without_plugins_the_error_says_how_to_get_some(monkeypatch):
    monkeypatch.setattr(discovery, "entry_points", lambda group: ())
    bare = Registry(discover())
    with pytest.raises(UnknownNameError) as caught:
        bare.variant("dcgan")
    assert 'pip install "ganzoo[zoo]"' in str(caught.value.fix)
    with pytest.raises(UnknownNameError, match="did you mean 'mnist'") as caught:
        bare.dataset("mnst")
    assert caught.value.fix is None
    assert bare.variants() == {}


def test_asking_for_a_broken_plugin_tells_its_failure(install):
    install("ganzoo-bad", "1 / 0", entry="bad")
    with pytest.raises(PluginError, match=r"plugin bad \(ganzoo-bad 1.2\) is broken: .*ZeroDivisionError") as caught:
        Registry(discover()).variant("bad")
    assert "pip uninstall ganzoo-bad" in str(caught.value.fix)
    assert caught.value.exit_code == 4


def test_asking_for_a_disabled_plugin_tells_so(install, monkeypatch):
    install("ganzoo-off", GOOD.format(name="off"), entry="off")
    monkeypatch.setenv(DISABLE, "off")
    with pytest.raises(PluginError, match=r"plugin off .* is disabled: GANZOO_DISABLE_PLUGINS names it"):
        Registry(discover()).variant("off")


def test_a_name_in_conflict_belongs_to_neither_and_can_be_chosen(install):
    install("ganzoo-one", GOOD.format(name="same"))
    install("ganzoo-two", GOOD.format(name="same"))
    found = Registry(discover())
    assert "same" not in found.variants()
    with pytest.raises(PluginError, match=r"claimed by ganzoo-one 1.2 and ganzoo-two 1.2, so neither") as caught:
        found.variant("same")
    assert caught.value.choices == ("ganzoo-one:same", "ganzoo-two:same")
    assert found.variant("ganzoo-two:same").origin.distribution == "ganzoo-two"


def test_a_rival_leaves_the_other_names_of_a_plugin_alone(install):
    install("ganzoo-one", "@hookimpl\ndef ganzoo_variants(): return [variant('same'), variant('own')]")
    install("ganzoo-two", GOOD.format(name="same"))
    assert Registry(discover()).variant("own").origin.distribution == "ganzoo-one"


def test_the_registry_is_loaded_once():
    assert registry() is registry()


def test_every_builtin_data_set_has_a_builder():
    own = [entry for entry in registry().datasets().values() if entry.origin.distribution == "ganzoo"]
    assert {"digits", "mnist", "cifar10"} <= {entry.spec.name for entry in own}
    for entry in own:
        assert callable(load_builder(entry.spec))


def test_a_builder_is_imported():
    import os.path

    assert load_builder(spec("os.path:join")) is os.path.join


@pytest.mark.parametrize(
    ("builder", "message"),
    [
        ("not_there:build", "importing not_there raises ModuleNotFoundError"),
        ("os:no_such_function", "module os has no such name at 'no_such_function'"),
        ("os:sep", "module os has '/', which is no function at 'sep'"),
    ],
)
def test_a_builder_that_does_not_exist_is_named(builder, message):
    with pytest.raises(PluginError) as caught:
        load_builder(spec(builder))
    assert f"builder {builder} of variant 'fake'" in caught.value.problem
    assert message in caught.value.problem


@pytest.mark.parametrize("statement", ["raise RuntimeError('at import')", "raise SystemExit(2)"])
def test_a_builder_module_that_fails_is_named(statement, tmp_path, monkeypatch):
    (tmp_path / "ganzoo_failing_builder.py").write_text(statement)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PluginError, match="importing ganzoo_failing_builder raises"):
        load_builder(DatasetSpec(name="fake", summary="s", builder="ganzoo_failing_builder:build"))


def test_a_missing_extra_keeps_its_own_message(tmp_path, monkeypatch):
    statement = "from ganzoo.errors import MissingExtraError\nraise MissingExtraError('no scipy', fix='pip install it')"
    (tmp_path / "ganzoo_needs_extra.py").write_text(statement)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(MissingExtraError, match="no scipy"):
        load_builder(spec("ganzoo_needs_extra:build"))
