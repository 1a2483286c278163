"""One exception tree. Every message names the offender and its value, and where they help, the choices and the fix.

Each class carries the exit status with which the command line ends:

====  ==========================================================
1     any other failure that ganzoo foresaw
2     a wrong option, config key, name, or combination of parts
3     data missing, corrupt, or unreadable
4     a plugin that cannot be used
5     a checkpoint or run folder that cannot be used
6     a loss or a weight stopped being finite
7     another process writes to the run folder
8     no room left on the disk
====  ==========================================================
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GanzooError(Exception):
    """A failure that ganzoo foresaw.

    Args:
        problem: what is wrong, with the offender and its value.
        choices: the values that would have been accepted.
        fix: what to do about it, as one imperative sentence or a command.
    """

    exit_code = 1

    def __init__(self, problem: str, *, choices: Iterable[str] = (), fix: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.choices = tuple(choices)
        self.fix = fix

    def __str__(self) -> str:
        lines = [self.problem]
        if self.choices:
            lines.append(f"  choices: {', '.join(self.choices)}")
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)


class ConfigError(GanzooError, ValueError):
    """An option, a config key or a value that cannot be used."""

    exit_code = 2


class UnknownNameError(ConfigError):
    """A name that nothing answers to; the nearest one is suggested."""

    @classmethod
    def of(cls, kind: str, name: str, choices: Iterable[str], *, fix: str | None = None) -> UnknownNameError:
        """Build the error for ``name`` of ``kind`` ("variant", "data set", ...) against the known ``choices``."""
        known = sorted(choices)
        near = nearest(name, known)
        suggestion = f"; did you mean {near!r}?" if near else ""
        return cls(f"unknown {kind} {name!r}{suggestion}", choices=known, fix=fix)


class IncompatiblePartsError(ConfigError):
    """Networks, loss, penalties and data that cannot work together, judged when they are put together."""


class DataError(GanzooError):
    """Data that cannot be used."""

    exit_code = 3


class DataNotFoundError(DataError):
    """Data that is in none of the places searched."""


class DataCorruptError(DataError):
    """A data file with wrong content: the file is named, and nothing is trained on it."""


class PluginError(GanzooError):
    """A plugin that cannot be used: it fails to import, breaks the contract, or clashes with another."""

    exit_code = 4


class ContractError(PluginError, TypeError):
    """A variant's code broke a rule of the game contract; the message names the rule."""


class MissingExtraError(GanzooError, ImportError):
    """An optional dependency is not installed; the message holds the pip line."""


class CheckpointError(GanzooError):
    """A checkpoint or a run folder that cannot be read, verified, or resumed."""

    exit_code = 5


class NonFiniteError(GanzooError, ArithmeticError):
    """A term or a weight became NaN or infinite; the message names player, term and step."""

    exit_code = 6


class RunLockedError(GanzooError):
    """Another process writes to the run folder."""

    exit_code = 7


class DiskFullError(GanzooError, OSError):
    """No room left on the disk; what was there before is intact."""

    exit_code = 8


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """The choice most like ``name``, or None where none is close."""
    known = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.5)
    return known[close[0]] if close else None
