"""From a config to a game: labels reach networks that take them, and a builder that fails is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from toys import games
from toys.networks import CLASSES, TinyDiscriminator, TinyGenerator

from ganzoo import assembly
from ganzoo.assembly import build_game
from ganzoo.config import RunConfig
from ganzoo.data import DataInfo
from ganzoo.errors import ConfigError, IncompatiblePartsError, PluginError
from ganzoo.game import GAN, Game, Networks
from ganzoo.options import Options
from ganzoo.registry import BackboneSpec, Entry, Origin, Paper, VariantSpec

DATA = DataInfo(name="toy", channels=1, height=4, width=4, classes=tuple("abc"))
ORIGIN = Origin(distribution="ganzoo-own", version="3.1", module="own")
PAPER = Paper(authors="Nobody", year=2020, title="Nothing")
VARIANT = VariantSpec(name="own", summary="s", builder="own:build", options=Options, backbone=None, paper=PAPER)
BACKBONE = BackboneSpec(name="nets", summary="s", builder="own:nets", options=Options)

Build = Callable[..., Game]


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Build:
    """``build(builder, networks_builder, conditional=True)``: what becomes of the two."""

    def made(builder: Any, networks: Any = None, *, conditional: bool = False) -> Game:
        backbone = Entry(BACKBONE, ORIGIN) if networks else None
        builders = {"own": builder, "nets": networks}
        monkeypatch.setattr(assembly, "find_entries", lambda *names: (Entry(VARIANT, ORIGIN), backbone))
        monkeypatch.setattr(assembly, "load_builder", lambda spec: builders[spec.name])
        return build_game(RunConfig(variant="own", conditional=conditional), DATA)

    return made


def own(name: str) -> Callable[..., Game]:
    """The builder of a toy game, which brings its own networks."""
    return lambda options, networks, data: games.build(name)


def with_networks(options: Any, networks: Networks, data: DataInfo) -> Game:
    return GAN(networks.generator, networks.discriminator, games.Logistic())


def deaf(options: Any, request: Any) -> Networks:
    return Networks(TinyGenerator(), TinyDiscriminator())


def labelled(options: Any, request: Any) -> Networks:
    return Networks(TinyGenerator(classes=request.classes), TinyDiscriminator(classes=request.classes))


def broken(*arguments: Any) -> Game:
    raise ZeroDivisionError("oops")


def test_labels_that_would_reach_nothing_are_refused(build: Build) -> None:
    with pytest.raises(IncompatiblePartsError, match="networks of variant 'own' take no labels"):
        build(own("vanilla"), conditional=True)
    with pytest.raises(IncompatiblePartsError, match="networks of backbone 'nets' take no labels"):
        build(with_networks, deaf, conditional=True)


def test_a_game_of_its_own_that_asks_for_labels_may_be_conditional(build: Build) -> None:
    assert build(own("conditional"), conditional=True).needs.labels


def test_the_networks_of_a_backbone_get_the_classes_only_if_they_are_asked_for(build: Build) -> None:
    for conditional, classes in ((True, CLASSES), (False, None)):
        game = build(with_networks, labelled, conditional=conditional)
        assert isinstance(game, GAN)
        assert game.generator.classes == game.discriminator.classes == classes


def test_a_builder_that_fails_is_its_plugin_s_fault(build: Build) -> None:
    with pytest.raises(
        PluginError, match=r"variant 'own' of ganzoo-own 3\.1: own:build raises ZeroDivisionError: oops"
    ) as caught:
        build(broken)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "uninstall ganzoo-own" in str(caught.value.fix)
    with pytest.raises(PluginError, match=r"backbone 'nets' of ganzoo-own 3\.1: own:nets raises"):
        build(with_networks, broken)


def test_what_a_builder_foresaw_passes_through(build: Build) -> None:
    def particular(*arguments: Any) -> Game:
        raise ConfigError("not like this")

    with pytest.raises(ConfigError, match="not like this"):
        build(particular)
