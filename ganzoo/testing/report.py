"""What the checks of a variant found. Free of torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from ganzoo.errors import ContractError, GanzooError

Status = Literal["passed", "failed", "not applicable"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A fault.

    Attributes:
        problem: what was found, with names and values.
        where: file and line of the plugin, such as ``my_gan.py:31: if loss > 2:``; empty where it is not known.
        fix: how to mend it.
    """

    problem: str
    where: str = ""
    fix: str = ""

    def __str__(self) -> str:
        lines = [self.problem]
        lines += [f"  at: {self.where}"] if self.where else []
        lines += [f"  fix: {self.fix}"] if self.fix else []
        return "\n".join(lines)


class FaultError(Exception):
    """A check found a fault."""

    def __init__(self, problem: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(problem)
        self.finding = Finding(problem=problem, where=where, fix=fix)


class NotApplicableError(Exception):
    """A check has nothing to say about a variant, for the reason that is given."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of one check.

    Attributes:
        check: its name.
        status: ``passed``, ``failed`` or ``not applicable``.
        seconds: how long it took.
        reason: why it does not apply; empty if it does.
        finding: the fault, None if there is none.
    """

    check: str
    status: Status
    seconds: float
    reason: str = ""
    finding: Finding | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came of the checks of one case.

    Attributes:
        case: what was checked, in words.
        results: one for each check, in the order in which they ran.
    """

    case: str
    results: tuple[Result, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[Result, ...]:
        """The checks that failed."""
        return tuple(result for result in self.results if result.status == "failed")

    def result(self, check: str) -> Result:
        """The result of the check of that name, which must have run."""
        return next(result for result in self.results if result.check == check)

    def raise_for_failures(self) -> None:
        """Raise ContractError if a check failed, with all that was found."""
        if self.failures:
            found = "\n".join(f"{result.check}: {result.finding}" for result in self.failures)
            raise ContractError(f"{self.case} fails {len(self.failures)} of {len(self.results)} checks\n{found}")

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for ``--json``."""
        return {"case": self.case, "passed": self.passed, "checks": [asdict(result) for result in self.results]}


def finding_of(error: BaseException, where: str) -> Finding:
    """The finding that a plugin raised ``error`` in the middle of a check."""
    if isinstance(error, FaultError):
        return error.finding
    if isinstance(error, GanzooError):
        return Finding(problem=error.problem, where=where, fix=error.fix or "")
    return Finding(problem=f"raises {type(error).__name__}: {error}", where=where)
