"""``ganzoo list``: what is installed, who supplies it, and a warning about what is broken."""

from __future__ import annotations

import json

import pytest

from ganzoo.cli.main import main
from ganzoo.registry import Registry, registry


def test_every_variant_is_listed_with_paper_and_supplier(capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(registry().variants()) > 0
    for name, entry in registry().variants().items():
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert entry.spec.summary in line
        assert str(entry.spec.paper) in line
        assert f"{entry.origin.distribution} {entry.origin.version}" in line


def test_json_holds_tags_and_provenance(capsys):
    assert main(["list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows.keys() == registry().variants().keys()
    dcgan = rows["dcgan"]
    assert dcgan["paper"]["arxiv"] == "1511.06434"
    assert dcgan["paper"]["url"] == "https://arxiv.org/abs/1511.06434"
    assert dcgan["origin"]["distribution"] == "ganzoo-dcgan"
    assert dcgan["tags"] == list(registry().variant("dcgan").spec.tags)


def test_a_tag_selects(capsys):
    assert main(["list", "--json", "--tag", "wasserstein"]) == 0
    rows = json.loads(capsys.readouterr().out)
    expected = [name for name, entry in registry().variants().items() if "wasserstein" in entry.spec.tags]
    assert [row["name"] for row in rows] == expected
    assert 0 < len(rows) < len(registry().variants())


def test_an_unknown_tag_gets_the_nearest_one(capsys):
    assert main(["list", "--tag", "waserstein"]) == 2
    assert "unknown tag 'waserstein'; did you mean 'wasserstein'?" in capsys.readouterr().err


def test_without_variants_it_says_how_to_get_some(monkeypatch, capsys):
    monkeypatch.setattr("ganzoo.cli.listing.registry", lambda: Registry(()))
    assert main(["list"]) == 0
    assert 'pip install "ganzoo[zoo]"' in capsys.readouterr().err


@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["info", "vanilla", "--json"]])
def test_a_broken_plugin_is_one_warning_and_no_traceback(words, shell, broken_site):
    done = shell(*words, PYTHONPATH=str(broken_site))
    assert done.returncode == 0
    assert "vanilla" in done.stdout
    (warning,) = done.stderr.splitlines()
    assert warning.startswith("warning: plugin bad (ganzoo-bad 1.2) is broken: it raises RuntimeError: [bold]no luck")
    assert "pip uninstall ganzoo-bad" in warning


@pytest.mark.parametrize("kind", ["metrics", "extractors"])
def test_what_judges_samples_is_listed_with_its_supplier(capsys, kind):
    entries = getattr(registry(), kind)()
    assert main(["list", f"--{kind}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, entry in entries.items():
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert str(entry.origin) in line
    assert main(["list", f"--{kind}", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows.keys() == entries.keys()


def test_json_of_a_metric_holds_its_figures_and_paper(capsys):
    assert main(["list", "--metrics", "--json"]) == 0
    (kid,) = [row for row in json.loads(capsys.readouterr().out) if row["name"] == "kid"]
    assert [(figure["name"], figure["better"]) for figure in kid["figures"]] == [("kid", "lower")]
    assert kid["paper"]["arxiv"] == "1801.01401"


def test_two_selections_are_refused(capsys):
    assert main(["list", "--metrics", "--tag", "wasserstein"]) == 2
    assert "exclude each other" in capsys.readouterr().err
