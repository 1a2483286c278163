from __future__ import annotations

import pytest

from ganzoo import errors
from ganzoo.errors import ConfigError, GanzooError, UnknownNameError, nearest

ALL = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, GanzooError)]


def test_a_message_holds_problem_choices_and_fix() -> None:
    error = ConfigError("batch size is 0", choices=("1", "2"), fix="pass --batch-size 1")
    assert str(error) == "batch size is 0\n  choices: 1, 2\n  fix: pass --batch-size 1"


def test_a_message_without_choices_or_fix_is_one_line() -> None:
    assert str(GanzooError("the disk is on fire")) == "the disk is on fire"


def test_an_unknown_name_suggests_the_nearest_and_lists_all_in_order() -> None:
    error = UnknownNameError.of("variant", "wgangp", ["wgan-gp", "dcgan"], fix="run `ganzoo list`")
    assert str(error) == (
        "unknown variant 'wgangp'; did you mean 'wgan-gp'?\n  choices: dcgan, wgan-gp\n  fix: run `ganzoo list`"
    )


def test_an_unknown_name_far_from_all_suggests_nothing() -> None:
    assert "did you mean" not in str(UnknownNameError.of("variant", "xyzzy", ["dcgan"]))


@pytest.mark.parametrize(
    ("name", "expected"), [("DCGAN", "dcgan"), ("dcgn", "dcgan"), ("lsgn", "lsgan"), ("qqqq", None), ("", None)]
)
def test_nearest_ignores_case_and_gives_up_in_time(name: str, expected: str | None) -> None:
    assert nearest(name, ["dcgan", "lsgan"]) == expected


def test_nearest_of_no_choices_is_none() -> None:
    assert nearest("dcgan", []) is None


def test_exit_codes_are_those_of_the_documented_table() -> None:
    assert errors.__doc__ is not None
    documented = {int(line[0]) for line in errors.__doc__.splitlines() if line[:1].isdigit()}
    assert documented == {kind.exit_code for kind in ALL}


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_is_documented_and_can_be_raised_with_a_problem_alone(kind: type[GanzooError]) -> None:
    assert kind.__doc__
    with pytest.raises(kind, match="a problem"):
        raise kind("a problem")


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        (errors.ConfigError, ValueError),
        (errors.IncompatiblePartsError, ConfigError),
        (errors.ContractError, TypeError),
        (errors.MissingExtraError, ImportError),
        (errors.NonFiniteError, ArithmeticError),
        (errors.DiskFullError, OSError),
    ],
)
def test_errors_belong_to_the_builtin_family_that_callers_expect(kind: type[Exception], family: type) -> None:
    with pytest.raises(family, match="a problem"):
        raise kind("a problem")
