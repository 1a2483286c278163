"""The shell of the command line: help, version, unknown words, exit codes, and what stays unimported."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ganzoo
from ganzoo.cli import main as cli
from ganzoo.errors import CheckpointError, ConfigError, DataNotFoundError, DiskFullError


@pytest.fixture
def command(monkeypatch):
    """Make ``ganzoo test`` run a function of this test."""

    def install(function):
        monkeypatch.setitem(cli.COMMANDS, "test", cli.Command("for tests", "ganzoo.cli.console:_test"))
        monkeypatch.setattr("ganzoo.cli.console._test", function, raising=False)

    return install


def raising(error):
    def function(argv):
        raise error

    return function


def test_help_names_every_command(capsys):
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    for name, entry in cli.COMMANDS.items():
        assert f"  {name} " in text
        assert entry.summary in text


def test_no_command_prints_help_to_stderr_and_fails(capsys):
    assert cli.main([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "usage: ganzoo COMMAND" in captured.err


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"ganzoo {ganzoo.__version__}\n"


def test_an_unknown_command_gets_the_nearest_one(capsys):
    assert cli.main(["lst"]) == 2
    text = capsys.readouterr().err
    assert "error: unknown command 'lst'; did you mean 'list'?\n" in text
    assert "\n  choices: " in text
    assert "data, eval, info" in text
    assert "\n  fix: see ganzoo --help\n" in text


def test_an_unknown_option_before_the_command(capsys):
    assert cli.main(["--versoin"]) == 2
    assert "unknown option '--versoin'; did you mean '--version'?" in capsys.readouterr().err


def test_words_and_status_pass_through(command):
    seen = []
    command(lambda argv: seen.extend(argv) or 7)
    assert cli.main(["test", "--flag", "value"]) == 7
    assert seen == ["--flag", "value"]


@pytest.mark.parametrize(
    ("error", "status"),
    [(ConfigError("no"), 2), (DataNotFoundError("no"), 3), (CheckpointError("no"), 5), (DiskFullError("no"), 8)],
)
def test_a_foreseen_error_becomes_its_exit_code(error, status, command, capsys):
    command(raising(error))
    assert cli.main(["test"]) == status
    assert capsys.readouterr().err == "error: no\n"


def test_a_message_is_plain_text_however_long_and_bracketed(command, capsys):
    message = "[red]/runs/[bold]" + "long " * 100 + "[/nothing]"
    command(raising(ConfigError(message, choices=["[a]", "b"], fix="pip install 'ganzoo[zoo]'")))
    cli.main(["test"])
    assert capsys.readouterr().err == f"error: {message}\n  choices: [a], b\n  fix: pip install 'ganzoo[zoo]'\n"


def test_an_interrupt_ends_with_130(command, capsys):
    command(raising(KeyboardInterrupt()))
    assert cli.main(["test"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize(("code", "status"), [(None, 0), (0, 0), (2, 2), ("a message", 1)])
def test_an_exit_becomes_a_status(code, status, command):
    command(raising(SystemExit(code)))
    assert cli.main(["test"]) == status


def test_a_bug_is_not_hidden(command):
    command(raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main(["test"])


def test_a_reader_that_leaves_is_no_error():
    line = f"{sys.executable} -m ganzoo --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.returncode in (0, cli.BROKEN_PIPE)


def test_a_broken_pipe_is_quiet():
    script = (
        "import os, sys; from ganzoo.cli.main import main; read, write = os.pipe(); os.close(read); os.dup2(write, 1);"
        "sys.exit(main(['--help']))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (cli.BROKEN_PIPE, "")


@pytest.mark.parametrize(
    "words",
    [
        *(["--help"], ["--version"], ["list"], ["list", "--json"], ["list", "--metrics"], ["list", "--extractors"]),
        *(["plugins"], ["run", "dcgan", "--help"], ["info", "-h"], ["eval", "--help"]),
        ["run", "vanilla", "--eval-every", "5", "--eval-metrics", "fid,recall", "--print-config"],
    ],
    ids=" ".join,
)
def test_torch_stays_unimported(words):
    script = f"import sys; from ganzoo.cli.main import main; s = main({words!r}); sys.exit(s or 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


WRONG = [
    ["eval", "digits", "--against", "mnits"],
    ["eval", "digits", "--against", "digits", "--metrics", "fdi"],
    ["eval", "digits", "--against", "digits", "--metrics", "fid,"],
    ["eval", "digits", "--against", "digits", "--features", "mnist-cn"],
    ["run", "vanilla", "--eval-every", "5", "--eval-metrics", "fdi"],
    ["run", "vanilla", "--eval-every", "5", "--eval-metrics", "fid", "--eval-best", "kid"],
    ["run", "vanilla", "--eval-every", "5", "--eval-features", "mnist-cn"],
    ["run", "vanilla", "--eval-every", "5", "--eval-against", "mnits"],
    ["run", "vanilla", "--eval-every", "-5"],
]


def test_a_wrong_name_in_an_evaluation_is_told_before_torch_is_imported(tmp_path):
    script = (
        "import sys; from ganzoo.cli.main import main;"
        f"print([(main(words), 'torch' in sys.modules) for words in {WRONG!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.splitlines()[-1] == str([(2, False)] * len(WRONG))
    assert done.stderr.count("error: ") == len(WRONG)
    assert list(tmp_path.iterdir()) == []


def test_help_imports_no_heavy_package():
    heavy = {"torch", "tyro", "rich", "pydantic", "importlib.metadata"}
    script = (
        f"import sys; from ganzoo.cli.main import main; main(['--help']); print(sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_importing_ganzoo_imports_nothing_heavy_and_knows_its_names():
    script = (
        "import sys, ganzoo; assert not {'torch', 'pydantic', 'pluggy'} & set(sys.modules);"
        "assert ganzoo.VariantSpec.__name__ == 'VariantSpec' and 'torch' not in sys.modules;"
        "assert ganzoo.registry.registry().datasets() and 'torch' not in sys.modules;"
        "assert set(ganzoo.__all__) <= set(dir(ganzoo));"
        "assert all(getattr(ganzoo, name) is not None for name in ganzoo.__all__)"
    )
    subprocess.run([sys.executable, "-c", script], timeout=120, check=True)
    with pytest.raises(AttributeError, match="'ganzoo' has no attribute 'GANN'"):
        ganzoo.GANN  # noqa: B018
