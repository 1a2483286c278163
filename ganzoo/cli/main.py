"""The ``ganzoo`` command: finds the subcommand, runs it, and turns what ganzoo foresaw into a message and a status.

Only the subcommand that is called is imported, so ``ganzoo --help`` costs next to nothing.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ganzoo.errors import DiskFullError, GanzooError, UnknownNameError

from .without import FLAG, without_plugins


class Command(NamedTuple):
    """A subcommand: its line in ``ganzoo --help`` and the function ``(argv) -> status`` that it runs."""

    summary: str
    function: str


COMMANDS = {
    "run": Command("train a variant on a data set", "ganzoo.cli.run:main"),
    "sample": Command("draw images from a trained run", "ganzoo.cli.sample:main"),
    "eval": Command("judge samples: FID and its kin, mode counts, copies", "ganzoo.cli.evaluate:main"),
    "list": Command("show the variants that are installed", "ganzoo.cli.listing:main"),
    "info": Command("show a variant's options, layers, costs and paper", "ganzoo.cli.info:main"),
    "check": Command("hold variants to the contract, check by check", "ganzoo.cli.check:main"),
    "plugins": Command("show every plugin, also those that are broken", "ganzoo.cli.plugins:main"),
    "new-plugin": Command("write a plugin of your own from a template", "ganzoo.cli.new_plugin:main"),
    "bench": Command("benchmark variants: speed, quality, memory, energy", "ganzoo.cli.bench:main"),
    "compare": Command("put two results of a benchmark side by side", "ganzoo.cli.compare:main"),
    "data": Command("list, preview, verify and download data sets", "ganzoo.cli.data:main"),
}

INTERRUPTED = 130
BROKEN_PIPE = 141

_TRAIN_IN_LESS = "lower --batch-size (--accumulate makes up for it) or the networks' width, or give --storage stream"
_LESS = "ask for less at once, such as a lower --n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (that of the process if None) and return its exit status.

    Every :class:`~ganzoo.errors.GanzooError` becomes a message on stderr and its own status, and so does what the
    system refuses (a full disk, a folder that was taken away); any other exception is a bug of ganzoo or of a plugin,
    and passes through.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        with without_plugins(words) as rest:
            status = _dispatch(rest)
        sys.stdout.flush()
        return status
    except GanzooError as error:
        from .console import print_error

        print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left; the interpreter must not complain of that when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        from .console import print_error

        kind = DiskFullError if error.errno in (errno.ENOSPC, errno.EDQUOT) else GanzooError
        failure = kind(f"{error.filename or 'the system'}: {error.strerror or error}")
        print_error(failure)
        return failure.exit_code
    except RuntimeError as error:
        if not _is_out_of_memory(error):
            raise
        from .console import print_error

        failure = GanzooError(
            f"out of memory: {next(iter(str(error).splitlines()), '')}",
            fix=_TRAIN_IN_LESS if words[:1] in (["run"], ["bench"]) else _LESS,
        )
        print_error(failure)
        return failure.exit_code
    except SystemExit as stop:  # help was printed, or tyro refused a word
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)


def _dispatch(words: list[str]) -> int:
    if not words:
        print(_help(), file=sys.stderr)
        return 2
    name, *rest = words
    if name in ("-h", "--help"):
        print(_help())
        return 0
    if name in ("-V", "--version"):
        from ganzoo import __version__

        print(f"ganzoo {__version__}")
        return 0
    return _load(name)(rest)


def _load(name: str) -> Callable[[list[str]], int]:
    if name.startswith("-"):
        raise UnknownNameError.of("option", name, ("--help", "--version", FLAG))
    if name not in COMMANDS:
        raise UnknownNameError.of("command", name, COMMANDS, fix="see ganzoo --help")
    module, _, function = COMMANDS[name].function.partition(":")
    command: Callable[[list[str]], int] = getattr(importlib.import_module(module), function)
    return command


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: ganzoo COMMAND [OPTIONS]",
            "",
            "A zoo of generative adversarial networks.",
            "",
            *lines,
            "",
            "ganzoo COMMAND --help tells of a command's options, ganzoo --version of the version.",
            f"{FLAG} NAME[,NAME], anywhere, leaves these plugins out.",
        ]
    )


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch says that it got no memory, on a GPU or on the CPU; asked only where torch is loaded."""
    torch = sys.modules.get("torch")
    return torch is not None and (
        isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator: can't allocate memory" in str(error)
    )
