"""The conformance kit: what every variant must do, as checks for its author's tests and for ``ganzoo check``.

In a plugin's tests, where each pair of a variant and a check becomes a test::

    from ganzoo.testing import Case, parametrize_with_checks

    @parametrize_with_checks(["hinge", Case("hinge", net={"width": 16}, conditional=True)])
    def test_conforms(check):
        check()

The public names are imported when they are first used, so importing this package leaves torch and pytest alone.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .case import Case as Case
    from .catalogue import CHECKS as CHECKS
    from .catalogue import Check as Check
    from .parametrize import parametrize_with_checks as parametrize_with_checks
    from .report import Finding as Finding
    from .report import Report as Report
    from .report import Result as Result
    from .runner import check_variant as check_variant

_HOME = {
    "Case": "case",
    "CHECKS": "catalogue",
    "Check": "catalogue",
    "Finding": "report",
    "Report": "report",
    "Result": "report",
    "check_variant": "runner",
    "parametrize_with_checks": "parametrize",
}

__all__ = [*sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ganzoo.testing' has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
