"""``ganzoo plugins``: a record of every plugin, whole or broken."""

from __future__ import annotations

import json

from ganzoo.cli.main import main
from ganzoo.registry import registry


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
