"""The checks as pytest's tests, one for each case and check. The only module here that imports pytest, when called."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ganzoo.errors import MissingExtraError, UnknownNameError

from .case import Case
from .catalogue import CHECKS, Check, choose

if TYPE_CHECKING:
    import pytest

    from .lab import Lab


class BoundCheck:
    """A check of a case: called, it fails, skips or passes the test that calls it.

    Args:
        case: what is checked.
        check: by which check.
    """

    def __init__(self, case: Case, check: Check) -> None:
        self.case, self.check = case, check

    def __call__(self) -> None:
        """Run the check.

        Raises:
            AssertionError: what was found, where, and how to mend it.
        """
        import pytest

        from .runner import run_check

        result = run_check(self.check, _lab(_Key(self.case)))
        if result.status == "not applicable":
            pytest.skip(f"not applicable: {result.reason}")
        if result.finding is not None:
            raise AssertionError(f"{self.case} fails {self.check.name}: {result.finding}")

    def __repr__(self) -> str:
        return f"{self.case}-{self.check.name}"


def parametrize_with_checks(
    variants: Sequence[str | Case],
    *,
    checks: Iterable[str] | None = None,
    expected_failures: Mapping[str, Mapping[str, str]] | None = None,
) -> pytest.MarkDecorator:
    """Decorate a test with a parameter ``check``, which it calls, so that each case and check becomes a test.

    Args:
        variants: names of installed variants, or cases with options of their own.
        checks: names of checks; all but the slow ones if None.
        expected_failures: by variant and check, the reason for which it is known to fail. If it passes after all, the
            test fails, so that the entry is taken out.

    Raises:
        UnknownNameError: a check or a variant in ``expected_failures`` that there is not.
        MissingExtraError: pytest is not installed.
    """
    try:
        import pytest
    except ImportError as error:
        raise MissingExtraError("parametrize_with_checks needs pytest", fix="pip install pytest") from error
    cases = [variant if isinstance(variant, Case) else Case(variant) for variant in variants]
    expected = expected_failures or {}
    _check_expected(expected, cases)
    parameters = []
    for case in cases:
        for check in choose(checks):
            reason = expected.get(case.variant, {}).get(check.name)
            marks = [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True)]
            parameters.append(pytest.param(BoundCheck(case, check), marks=marks, id=f"{case}-{check.name}"))
    return pytest.mark.parametrize("check", parameters)


def _check_expected(expected: Mapping[str, Mapping[str, str]], cases: Sequence[Case]) -> None:
    for variant, failures in expected.items():
        if variant not in (names := {case.variant for case in cases}):
            raise UnknownNameError.of("variant in expected_failures", variant, names)
        for name in failures:
            if name not in CHECKS:
                raise UnknownNameError.of("check in expected_failures", name, CHECKS)


class _Key:
    """A case by its identity, since its mappings cannot be hashed."""

    def __init__(self, case: Case) -> None:
        self.case = case

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, _Key) and self.case is other.case

    def __hash__(self) -> int:
        return id(self.case)


@functools.lru_cache(maxsize=8)
def _lab(key: _Key) -> Lab:
    """The lab of a case, shared by its tests."""
    from .lab import Lab

    return Lab(key.case)
