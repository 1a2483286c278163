"""What a plugin can be called, and what it is called where."""

from __future__ import annotations

import pytest

from ganzoo.errors import ConfigError
from ganzoo.scaffold import name_plugin


def test_a_name_in_each_place() -> None:
    names = name_plugin("my-gan-2", {})
    assert (names.distribution, names.package, names.module) == ("ganzoo-my-gan-2", "ganzoo_my_gan_2", "my_gan_2")
    assert names.prefix == "MyGan2"


@pytest.mark.parametrize(
    ("name", "problem", "fix"),
    [
        ("", "NAME is ''", "such as my-gan"),
        ("My GAN", "NAME is 'My GAN'; names are lower-case words", "write my-gan"),
        ("HingeLoss", "NAME is 'HingeLoss'", "write hinge-loss"),
        ("my_gan", "NAME is 'my_gan'", "write my-gan"),
        ("-x", "NAME is '-x'", "write x"),
        ("../x", "NAME is '../x'", "write x"),
        ("3d", "NAME '3d' begins with a digit", "such as my-gan"),
        ("class", "NAME is 'class', which is a word of Python", "such as my-gan"),
        ("plugin", "NAME is 'plugin', which is the module that declares", "such as my-gan"),
        ("ganzoo-hinge", "NAME 'ganzoo-hinge' begins with ganzoo-", "write hinge"),
        ("x" * 31, "has 31 characters, more than 30", "shorter"),
        ("vanilla", "NAME 'vanilla' is taken by the variant of ganzoo-vanilla 0.1.0", "or uninstall that one"),
    ],
)
def test_what_cannot_be_a_name(name: str, problem: str, fix: str) -> None:
    with pytest.raises(ConfigError) as caught:
        name_plugin(name, {"vanilla": "the variant of ganzoo-vanilla 0.1.0"})
    assert problem in caught.value.problem
    assert fix in str(caught.value.fix)
