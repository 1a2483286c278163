"""Running checks: one of them, or all of a case."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .case import Case
from .catalogue import Check, choose
from .report import FaultError, Finding, NotApplicableError, Report, Result, Status, finding_of

if TYPE_CHECKING:
    from .lab import Lab


def check_variant(
    variant: str | Case,
    *,
    options: Mapping[str, Any] | None = None,
    net: Mapping[str, Any] | None = None,
    checks: Iterable[str] | None = None,
    told: Callable[[Result], None] = lambda result: None,
    **more: Any,
) -> Report:
    """Check a variant and return what was found.

    Args:
        variant: name of an installed variant, or a case with all that follows.
        options: options of the variant that differ from its defaults.
        net: options of its networks that differ from their defaults.
        checks: names of checks; all but the slow ones if None.
        told: is given each result as it comes.
        more: other fields of :class:`Case`.

    Raises:
        UnknownNameError: no variant, no data set or no check has that name.
        ConfigError: an option that does not fit.
    """
    from .lab import Lab

    case = variant if isinstance(variant, Case) else Case(variant, options=options or {}, net=net or {}, **more)
    chosen = choose(checks)
    lab = Lab(case)
    results = []
    for check in chosen:
        results.append(run_check(check, lab))
        told(results[-1])
    return Report(case=str(case), results=tuple(results))


def run_check(check: Check, lab: Lab) -> Result:
    """The result of one check. The global random streams are left as they were."""
    began = time.perf_counter()
    status, reason, finding = _judge(check, lab)
    seconds = time.perf_counter() - began
    return Result(check=check.name, status=status, seconds=round(seconds, 3), reason=reason, finding=finding)


def _judge(check: Check, lab: Lab) -> tuple[Status, str, Finding | None]:
    from .places import of_error

    with _streams_kept():
        try:
            if check.builds:
                lab.require_game()
            check.load()(lab)
        except NotApplicableError as reason:
            return "not applicable", str(reason), None
        except Exception as error:  # whatever a plugin raises is what was found
            where = "" if isinstance(error, FaultError) else of_error(error)
            return "failed", "", finding_of(error, where)
    return "passed", "", None


@contextmanager
def _streams_kept() -> Iterator[None]:
    import numpy as np
    import torch

    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
