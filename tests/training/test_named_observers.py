"""Observers of plugins, by name: on the command line, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from ganzoo.cli.main import main
from ganzoo.errors import ContractError, PluginError, UnknownNameError
from ganzoo.registry import ObserverSpec, PluginRecord, Registry, registry
from ganzoo.training.observers import Observer, Progress, RunView, make_observers, named

SEEN: list[str] = []


class Witness(Observer):
    """Tells the test of what it was told."""

    def started(self, run: RunView, progress: Progress) -> None:
        SEEN.append(f"started {run.config.variant}")

    def ended(self, progress: Progress, reason: str) -> None:
        SEEN.append(f"{reason} after {progress.step}")


def no_observer() -> int:
    return 3


def broken() -> Observer:
    raise ZeroDivisionError("oops")


@pytest.fixture(autouse=True)
def supplied(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin with three observers, one of which is none and one of which cannot be made."""
    SEEN.clear()
    specs = tuple(
        ObserverSpec(name=name, summary="for tests", builder=f"witnesses:{builder}")
        for name, builder in (("witness", "Witness"), ("three", "no_observer"), ("broken", "broken"))
    )
    record = PluginRecord(name="witness", origin=registry().variant("vanilla").origin, specs=specs)
    found = Registry([*registry().plugins, record])
    builders: dict[str, Any] = {"witness": Witness, "three": no_observer, "broken": broken}
    monkeypatch.setattr(named, "registry", lambda: found)
    monkeypatch.setattr(named, "load_builder", lambda spec: builders[spec.name])
    monkeypatch.setattr("ganzoo.cli.run.registry", lambda: found)


def test_a_run_is_watched_by_those_that_are_named(tmp_path: Any) -> None:
    words = ["run", "vanilla", "--dataset", "digits", "--steps", "2", "--threads", "1", "--quiet"]
    assert main([*words, "--out", str(tmp_path), "--observers", "witness, witness"]) == 0
    assert SEEN == ["started vanilla", "started vanilla", "finished after 2", "finished after 2"]


@pytest.mark.parametrize("names", ["witnes", "witness,", ""])
def test_a_wrong_name_is_told_before_anything_is_written(
    tmp_path: Any, names: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "vanilla", "--dataset", "digits", "--steps", "2", "--out", str(tmp_path / "runs")]
    assert main([*words, "--observers", names]) == 2
    told = capsys.readouterr().err
    assert "unknown observer" in told
    assert "choices: broken, three, witness" in told
    assert not (tmp_path / "runs").exists()


def test_one_that_fails_ends_no_run(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def refuse(self: Witness, progress: Progress) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(Witness, "saved", refuse)
    words = ["run", "vanilla", "--dataset", "digits", "--steps", "2", "--threads", "1", "--quiet"]
    assert main([*words, "--out", str(tmp_path), "--observers", "witness"]) == 0
    assert SEEN == ["started vanilla"]
    assert "Witness raises ZeroDivisionError: oops" in caplog.text


def test_what_is_no_observer_is_refused_with_its_builder() -> None:
    with pytest.raises(ContractError, match="witnesses:no_observer returned int, not an Observer"):
        make_observers(["three"])


def test_one_that_cannot_be_made_is_its_plugin_s_fault() -> None:
    with pytest.raises(
        PluginError, match=r"observer 'broken' of ganzoo-vanilla .*: witnesses:broken raises ZeroDivisionError: oops"
    ):
        make_observers(["broken"])


def test_an_unknown_one_from_python() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'witness'"):
        make_observers(["witnes"])
