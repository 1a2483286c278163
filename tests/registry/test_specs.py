"""A spec refuses what no registry could use, naming itself."""

from __future__ import annotations

import pytest

from ganzoo.errors import PluginError
from ganzoo.options import GANOptions, Options
from ganzoo.registry import BackboneSpec, DatasetSpec, Paper, VariantSpec

PAPER = Paper(authors="Goodfellow et al.", year=2014, title="Generative Adversarial Nets", arxiv="1406.2661")
GOOD = {"name": "my-gan", "summary": "one line", "builder": "package.module:build", "options": GANOptions}


def variant(**changes):
    return VariantSpec(**{**GOOD, "backbone": None, "paper": PAPER, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "My GAN"}, "name 'My GAN'"),
        ({"name": "my--gan"}, "name 'my--gan'"),
        ({"name": None}, "name None"),
        ({"summary": " "}, "summary ' '"),
        ({"summary": "two\nlines"}, "it must be one line"),
        ({"builder": "package.module"}, "builder 'package.module'"),
        ({"builder": print}, "'my-gan' has the builder"),
        ({"options": dict}, "options class <class 'dict'>"),
        ({"options": GANOptions()}, "options class"),
        ({"paper": "Goodfellow 2014"}, "paper 'Goodfellow 2014'"),
    ],
)
def test_a_bad_field_is_named(changes, message):
    with pytest.raises(PluginError) as caught:
        variant(**changes)
    assert message in caught.value.problem


def test_a_backbone_checks_its_options_too():
    assert BackboneSpec(**{**GOOD, "options": Options}).sizes == "any"
    with pytest.raises(PluginError, match="BackboneSpec 'my-gan'"):
        BackboneSpec(**{**GOOD, "options": int})


def test_a_data_set_needs_no_options():
    assert DatasetSpec(name="squares", summary="s", builder="m:f").api_version == 1


@pytest.mark.parametrize("samples", [1, 0, None, "all", 1e4])
def test_a_data_set_cannot_ask_for_samples_without_figures(samples):
    with pytest.raises(PluginError, match=f"DatasetSpec 'squares' has {samples!r} samples; figures need at least 2"):
        DatasetSpec(name="squares", summary="s", builder="m:f", samples=samples)


@pytest.mark.parametrize("border", [-1, 0.5, None])
def test_a_border_is_a_number_of_pixels(border):
    with pytest.raises(PluginError, match=f"DatasetSpec 'squares' has a border of {border!r}; it is 0 pixels or more"):
        DatasetSpec(name="squares", summary="s", builder="m:f", border=border)


def test_a_paper_cites_itself():
    assert str(PAPER) == "Goodfellow et al. 2014, arXiv:1406.2661"
    assert PAPER.url == "https://arxiv.org/abs/1406.2661"
    assert Paper(authors="A", year=1999, title="T").url is None
