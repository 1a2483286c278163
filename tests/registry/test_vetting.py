"""A plugin is loaded on trial in a process of its own, once for each state of its code."""

from __future__ import annotations

import os
import subprocess
from importlib.metadata import entry_points

import pytest

from ganzoo.registry import children, discovery, verdicts
from ganzoo.registry.discovery import discover, discover_strictly
from ganzoo.registry.settings import ALLOW
from ganzoo.registry.verdicts import Verdict, code_of
from ganzoo.registry.vetting import VETTING, vet

GOOD = "@hookimpl\ndef ganzoo_variants(): return [variant('fake-gan')]\n"


@pytest.fixture(autouse=True)
def _vetted(tmp_path, monkeypatch):
    """Vetting is what is tested here, with an empty cache, and of nothing but the plugins of the test."""
    monkeypatch.setattr(discovery, "vet", vet)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(ALLOW, "ganzoo-one,ganzoo-two")


@pytest.fixture
def trials(monkeypatch):
    """The plugins that were loaded on trial, in order."""
    names: list[str] = []
    original = children.examine

    def examine(plugins, limit, *, builders):
        names.extend(plugin.name for plugin in plugins)
        return original(plugins, limit, builders=builders)

    monkeypatch.setattr(children, "examine", examine)
    return names


def record(name="ganzoo-one"):
    return next(plugin for plugin in discover() if plugin.name == name)


def test_a_good_plugin_is_vetted_once_until_its_code_changes(install, trials):
    site = install("ganzoo-one", GOOD)
    assert record().state == record().state == "ok"
    assert trials == ["ganzoo-one"]
    with (site / "ganzoo_one_plugin.py").open("a") as file:
        file.write("\n1 / 0\n")
    assert "ZeroDivisionError" in str(record().reason)
    assert trials == ["ganzoo-one"] * 2


def test_a_bad_plugin_is_vetted_once_until_something_is_installed(install, trials):
    site = install("ganzoo-one", GOOD + "import os; os._exit(0)")
    reasons = {record().reason for _ in range(3)}
    assert reasons == {"it ends the process"}
    count = len(trials)
    (site / "needed.py").touch()
    os.utime(site, ns=(1, 1))
    assert record().state == "broken"
    assert len(trials) == count + 1


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("import os; os._exit(3)", "it ends the process with status 3"),
        ("raise KeyboardInterrupt", "it kills the process with SIGINT"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "it kills the process with SIGKILL"),
        ("import atexit, os; atexit.register(os._exit, 5)", "it ends the process with status 5"),
        ("import numpy; numpy.random.seed(0)", "it seeds or uses the global generator of numpy"),
    ],
)
def test_what_no_except_holds_against_is_found(lines, reason, install):
    install("ganzoo-one", GOOD + lines)
    found = record()
    assert found.state == "broken"
    assert reason in str(found.reason)
    assert "pip uninstall ganzoo-one" in str(found.fix)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("import time; time.sleep(60)", "it did not load within 6 s ("),
        (
            "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()",
            "it did not end after it was loaded within 6 s",
        ),
    ],
)
def test_what_hangs_is_ended(lines, reason, install, monkeypatch):
    monkeypatch.setenv("GANZOO_PLUGIN_TIMEOUT", "6")
    install("ganzoo-one", GOOD + lines)
    found = record()
    assert reason in str(found.reason)
    assert "ganzoo plugins --check --timeout 24 if it is only slow, or pip uninstall ganzoo-one" in str(found.fix)


def test_what_a_plugin_prints_or_leaves_running_disturbs_nothing(install, capfd):
    install("ganzoo-one", GOOD + "import subprocess; print('{'); subprocess.Popen(['sleep', '3'])")
    (plugin,) = [each for each in discovery._plugins() if each.name == "ganzoo-one"]
    assert vet([plugin])[0].state == "ok"
    assert capfd.readouterr().out == ""


def test_a_check_loads_afresh_and_imports_the_builders(install, trials):
    site = install("ganzoo-one", GOOD.replace("'fake-gan'", "'fake-gan', builder='ganzoo_one_build:build'"))
    (site / "ganzoo_one_build.py").write_text("import torch\ntorch.manual_seed(3)\ndef build(): pass\n")
    assert record().state == "ok"
    found = next(plugin for plugin in discover_strictly(60) if plugin.name == "ganzoo-one")
    assert found.state == "broken"
    assert found.reason == "it seeds or uses the global generator of torch when its builders are imported"
    assert len(found.specs) == 1
    assert trials == ["ganzoo-one"] * 2


def test_a_check_tells_of_deprecated_spellings(install):
    warning = "from ganzoo.registry.deprecation import warn_deprecated\nwarn_deprecated('the old', 'the new')\n"
    install("ganzoo-one", GOOD.replace("variant(", "variant(builder='os:getcwd', name=") + warning)
    assert record().notes == ("the old is deprecated and goes with the next plugin API; write the new",)


def test_a_cache_that_cannot_be_used_costs_time_only(install, trials, tmp_path):
    install("ganzoo-one", GOOD)
    (tmp_path / "cache").write_text("a file where a folder should be")
    assert record().state == record().state == "ok"
    assert trials == ["ganzoo-one"] * 2


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"key": 1, "verdict": {"notes": 3}}', "\x00"])
def test_a_damaged_verdict_is_written_anew(content, install, trials, tmp_path):
    install("ganzoo-one", GOOD)
    record()
    (path,) = (tmp_path / "cache" / "ganzoo" / "plugins").iterdir()
    path.write_text(content)
    assert record().state == record().state == "ok"
    assert trials == ["ganzoo-one"] * 2


def test_without_processes_plugins_are_loaded_unvetted(install, monkeypatch, tmp_path):
    def refuse(*words, **more):
        raise BlockingIOError("no more processes")

    install("ganzoo-one", GOOD)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert record().state == "ok"
    assert not (tmp_path / "cache").exists()


def test_a_process_that_vets_starts_no_other(install, trials, monkeypatch):
    install("ganzoo-one", GOOD)
    monkeypatch.setenv(VETTING, "1")
    assert (record().state, record().reason) == ("disabled", "it was not vetted yet")
    assert trials == []


def test_the_files_of_a_module_are_found_without_running_them(tmp_path, monkeypatch):
    package = tmp_path / "ganzoo_outer" / "inner"
    package.mkdir(parents=True)
    for path in (package.parent / "__init__.py", package / "__init__.py", package / "plugin.py", package / "help.py"):
        path.write_text("raise SystemExit")
    monkeypatch.syspath_prepend(str(tmp_path))
    names = [path.relative_to(tmp_path).as_posix() for path in code_of("ganzoo_outer.inner.plugin")]
    assert sorted(names) == sorted(
        f"ganzoo_outer/{name}" for name in ("__init__.py", "inner/__init__.py", "inner/plugin.py", "inner/help.py")
    )
    assert code_of("ganzoo_nowhere.plugin") == code_of("") == []


def test_verdicts_of_two_versions_do_not_meet(install):
    install("ganzoo-one", GOOD)
    (point,) = [point for point in entry_points(group="ganzoo") if point.name == "ganzoo-one"]
    origin = discovery.origin_of(point.dist, point.value)
    code = verdicts.stamp(origin.module)
    verdicts.remember("ganzoo-one", origin, Verdict(state="broken", reason="bad"), code)
    assert verdicts.recall("ganzoo-one", origin, code) == Verdict(state="broken", reason="bad")
    newer = discovery.replace(origin, version="2")
    assert verdicts.recall("ganzoo-one", newer, code) is None
