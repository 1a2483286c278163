"""Generated command lines: whatever is typed, the answer is a config or a message, never a traceback, never a file."""

import random

import pytest

from ganzoo.cli.args import flags
from ganzoo.cli.main import main
from ganzoo.cli.run_arguments import arguments_class
from ganzoo.config import make_config
from ganzoo.registry import registry

VARIANTS = sorted(registry().variants())
BACKBONES = sorted(registry().backbones())
JUNK = [
    "",
    "-1",
    "0",
    "1",
    "3.5",
    "1e400",
    "nan",
    "inf",
    "None",
    "true",
    "[1",
    "{}",
    "é",
    "a b",
    "--",
    "../x",
    "9" * 40,
]
JUNK += ["[bold]x[/nope]", "%s", "cuda:99", "adam", "28", "0.5 0.9", "auto", "\\", "folder:", "mnist", "'"]


def command(rng):
    variant = rng.choice([*VARIANTS, *VARIANTS, rng.choice(JUNK)])
    known = sorted(flags(arguments_class(make_config({"variant": rng.choice(VARIANTS)}))))
    known = [flag for flag in known if flag not in ("--dry-run", "--resume", "--config")]
    words = ["run", variant, "--print-config"]
    if rng.random() < 0.3:
        words += ["--backbone", rng.choice([*BACKBONES, rng.choice(JUNK)])]
    for _ in range(rng.randrange(4)):
        flag = rng.choice(known)
        if rng.random() < 0.2:
            flag = flag[: rng.randrange(2, len(flag))]
        words += [f"{flag}={rng.choice(JUNK)}"] if rng.random() < 0.3 else [flag, rng.choice(JUNK)]
    return words


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_generated_command_lines(seed, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = random.Random(seed)
    statuses = set()
    for _ in range(20):
        words = command(rng)
        status = main(words)
        out, err = capsys.readouterr()
        assert status in (0, 2), (words, status, err)
        assert (out.startswith("variant = ") or "usage" in out) if status == 0 else err.strip(), (words, out, err)
        assert "Traceback" not in err, words
        statuses.add(status)
    assert statuses == {0, 2}
    assert list(tmp_path.iterdir()) == []
