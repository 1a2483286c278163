"""``ganzoo plugins``: a record of every plugin, whole or broken."""

from __future__ import annotations

import json
import os
from importlib.metadata import distribution

import pytest

from ganzoo.cli.main import main
from ganzoo.registry import registry
from ganzoo.registry.provenance import origin_of


def test_every_plugin_is_listed_with_what_it_supplies(capsys):
    assert main(["plugins"]) == 0
    text = capsys.readouterr().out
    for record in registry().plugins:
        assert str(record.origin) in text
    assert "backbone dcgan, variant dcgan" in text


def test_json_tells_all(capsys):
    assert main(["plugins", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["data"]["distribution"] == "ganzoo"
    assert {"kind": "data set", "name": "mnist"} in rows["data"]["supplies"]
    assert rows["dcgan"]["state"] == "ok"
    assert rows["dcgan"]["module"] == "ganzoo_dcgan.plugin"


def test_broken_and_disabled_plugins_are_explained(shell, broken_site):
    done = shell("plugins", PYTHONPATH=str(broken_site), GANZOO_DISABLE_PLUGINS="began")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "plugin bad (ganzoo-bad 1.2) is broken: it raises RuntimeError: [bold]no luck[/bold]" in done.stdout
    assert "plugin began (ganzoo-began 0.1.0) is disabled" in done.stdout
    assert "fix: take it out of GANZOO_DISABLE_PLUGINS" in done.stdout


def test_running_a_broken_plugin_tells_why_and_exits_with_4(shell, broken_site):
    done = shell("run", "bad", PYTHONPATH=str(broken_site))
    assert done.returncode == 4
    assert "error: plugin bad (ganzoo-bad 1.2) is broken: it raises RuntimeError: [bold]no luck" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [("--no-plugin", "bad", "list"), ("list", "--no-plugin", "ganzoo-bad"), ("list", "--no-plugin=bad,began")]
)
def test_a_plugin_is_left_out_before_or_after_the_command(words, shell, broken_site):
    done = shell(*words, PYTHONPATH=str(broken_site))
    assert (done.returncode, done.stderr) == (0, "")
    assert ("began" in done.stdout) == ("began" not in words[-1])


def test_no_plugin_adds_to_the_environment_and_ends_with_the_command(monkeypatch, capsys):
    monkeypatch.setenv("GANZOO_DISABLE_PLUGINS", "began")
    assert main(["plugins", "--json", "--no-plugin", "dcgan", "--no-plugin", "lsgan"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in rows if row["state"] == "disabled"} == {"began", "dcgan", "lsgan"}
    assert os.environ["GANZOO_DISABLE_PLUGINS"] == "began"
    assert registry().variant("dcgan")


@pytest.mark.parametrize(
    "words", [("list", "--no-plugin"), ("list", "--no-plugin", "--json"), ("--no-plugin=", "list")]
)
def test_no_plugin_needs_a_name(words, capsys):
    assert main(list(words)) == 2
    assert "--no-plugin has no name" in capsys.readouterr().err


def test_a_name_in_vain_is_a_warning(capsys):
    assert main(["list", "--no-plugin", "dcgna"]) == 0
    warning = "GANZOO_DISABLE_PLUGINS names 'dcgna', which is no installed plugin; did you mean 'dcgan'?"
    assert f"warning: {warning}" in capsys.readouterr().err


def test_the_check_of_a_broken_plugin_ends_with_4(shell, broken_site):
    environment = {"PYTHONPATH": str(broken_site), "GANZOO_PLUGINS": "bad"}
    done = shell("plugins", "--check", **environment)
    assert done.returncode == 4
    assert "plugin bad (ganzoo-bad 1.2) is broken: it raises RuntimeError: [bold]no luck[/bold]" in done.stdout
    assert "plugin began (ganzoo-began 0.1.0) is disabled: GANZOO_PLUGINS does not name it" in done.stdout
    assert shell("plugins", **environment).returncode == 0


def test_the_check_of_good_plugins_ends_with_0(monkeypatch, capsys):
    monkeypatch.setenv("GANZOO_PLUGINS", "lsgan")
    assert main(["plugins", "--check", "--timeout", "60", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert (rows["lsgan"]["state"], rows["lsgan"]["notes"]) == ("ok", [])
    # Not from registry(), which would keep for all later tests what it finds under this environment.
    assert rows["lsgan"]["source"] == origin_of(distribution("ganzoo-lsgan"), "ganzoo_lsgan.plugin").source
    assert rows["lsgan"]["seconds"] > 0


@pytest.mark.parametrize("words", [["--timeout", "3"], ["--check", "--timeout", "0"], ["--check", "--timeout", "x"]])
def test_a_time_limit_that_makes_no_sense_is_refused(words):
    assert main(["plugins", *words]) == 2
