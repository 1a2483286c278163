from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ganzoo.options import GANOptions, NonNegative, OptimizerSpec, Options


def test_options_are_immutable() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        OptimizerSpec().lr = 1.0  # type: ignore[misc]


def test_an_unknown_key_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="learning_rate"):
        OptimizerSpec(learning_rate=1e-3)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "wrong",
    [
        {"lr": 0.0},
        {"lr": -1e-4},
        {"lr": float("nan")},
        {"lr": float("inf")},
        {"betas": (0.5, 1.0)},
        {"betas": (-0.1, 0.9)},
        {"alpha": 1.0},
        {"momentum": 1.0},
        {"eps": 0.0},
        {"weight_decay": -1.0},
        {"name": "lion"},
    ],
    ids=str,
)
def test_values_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        OptimizerSpec(**wrong)


def test_a_wrong_default_of_a_subclass_is_refused() -> None:
    class Careless(GANOptions):
        instance_noise: NonNegative = -1.0

    with pytest.raises(ValidationError, match="instance_noise"):
        Careless()


@pytest.mark.parametrize("kind", [OptimizerSpec, GANOptions])
def test_every_field_has_a_sentence(kind: type[Options]) -> None:
    sentences = {name: field.description for name, field in kind.model_fields.items()}
    assert all(sentence and sentence.endswith(".") for sentence in sentences.values()), sentences


def test_a_variant_overrides_defaults_and_keeps_the_other_sentences() -> None:
    class Paper(GANOptions):
        d_optimizer: OptimizerSpec = OptimizerSpec(lr=1e-4, betas=(0.5, 0.9))
        """The critic's optimizer."""

    assert Paper().d_optimizer.betas == (0.5, 0.9)
    assert Paper().g_optimizer == OptimizerSpec()
    assert Paper.model_fields["d_optimizer"].description == "The critic's optimizer."
    assert Paper.model_fields["g_optimizer"].description == GANOptions.model_fields["g_optimizer"].description


@pytest.mark.parametrize(
    ("set_", "users"),
    [
        ({"momentum": 0.9}, "rmsprop and sgd"),
        ({"alpha": 0.5}, "rmsprop"),
        ({"name": "rmsprop", "betas": (0.1, 0.2)}, "adam"),
        ({"name": "sgd", "eps": 1e-4}, "adam and rmsprop"),
    ],
    ids=str,
)
def test_an_option_that_the_rule_has_no_use_for_is_told(set_: dict[str, Any], users: str) -> None:
    assert OptimizerSpec(**set_).idle().endswith(f"has no use for it; it is for {users}")
    assert OptimizerSpec(**set_).idle(usual=OptimizerSpec(**set_)) == ""


@pytest.mark.parametrize("name", ["adam", "rmsprop", "sgd"])
def test_defaults_are_never_idle(name: str) -> None:
    assert OptimizerSpec(name=name).idle() == ""  # type: ignore[arg-type]
