"""Options classes as command lines: flags, help, and errors that name flag, value and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import ValidationError, create_model, model_validator

from ganzoo.cli.args import flag, flags, parse
from ganzoo.cli.marks import FLAT, HIDDEN, POSITIONAL, Mark, Switch
from ganzoo.errors import ConfigError, ContractError, UnknownNameError
from ganzoo.options import Count, GANOptions, NonNegative, Options, Threads
from ganzoo.validation import format_validation_error


class Training(Options):
    """How long."""

    steps: Count | None = None
    """Train for this many iterations."""
    epochs: Count | None = None
    """Train for this many passes."""
    batch_size: Count = 64
    """Images in a batch."""
    out: Path = Path("runs")
    """Where runs go."""
    download: bool = True
    """Fetch what is missing."""

    @model_validator(mode="after")
    def _one_budget(self):
        if self.steps and self.epochs:
            raise ValueError("steps and epochs were given together")
        return self


class Variant(GANOptions):
    """A variant's options."""

    n_critic: Count = 5
    """Critic updates for each generator update."""
    gradient_penalty: NonNegative = 10.0
    """Weight of the penalty."""


class Net(Options):
    """A backbone's options."""

    width: Count = 64
    """Channels of the widest layer."""
    d_norm: Literal["batch", "layer", "none"] = "batch"
    """Norm of the discriminator."""
    sizes: tuple[int, ...] = (1, 2)
    """A tuple of any length."""


# Made on the fly, as `ganzoo run` makes one for the variant and the backbone that are asked for.
Run = create_model(
    "Run",
    __base__=Options,
    training=(Annotated[Training, FLAT], Training()),
    options=(Annotated[Variant, FLAT], Variant(gradient_penalty=1.0)),
    net=(Net, Net(width=32)),
)


def run(*words, default=None):
    return parse(Run, words, prog="ganzoo run test", description="A test.", default=default)


def test_no_words_give_the_defaults_of_the_class():
    assert run() == Run()


def test_flags_are_hyphenated_and_flat_where_marked():
    made = run(
        *("--steps", "10", "--batch-size=8", "--out", "there", "--no-download", "--n-critic", "2"),
        *("--d-optimizer.lr", "1e-3", "--d-optimizer.betas", "0.0", "0.9", "--net.width", "8", "--net.d-norm", "layer"),
        *("--net.sizes", "4", "5", "6"),
    )
    assert (made.training.steps, made.training.batch_size, made.training.out) == (10, 8, Path("there"))
    assert made.training.download is False
    assert (made.options.n_critic, made.options.d_optimizer.lr, made.options.d_optimizer.betas) == (2, 1e-3, (0.0, 0.9))
    assert made.options.g_optimizer.lr == 2e-4
    assert (made.net.width, made.net.d_norm, made.net.sizes) == (8, "layer", (4, 5, 6))


def test_underscores_do_as_well():
    assert run("--batch_size", "8").training.batch_size == 8


def test_flags_lie_over_the_values_of_default():
    below = Run(training=Training(steps=7, batch_size=3), net=Net(width=16))
    made = run("--batch-size", "4", default=below)
    assert (made.training.steps, made.training.batch_size, made.net.width) == (7, 4, 16)


def test_help_shows_sentences_and_defaults(capsys):
    with pytest.raises(SystemExit) as caught:
        run("--help", default=Run(net=Net(width=16)))
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "A test." in text
    assert "--n-critic INT Critic updates for each generator update. (default: 5)" in text
    assert "--gradient-penalty FLOAT Weight of the penalty. (default: 1.0)" in text
    assert "--steps INT Train for this many iterations. (default: None)" in text
    assert "--net.width INT Channels of the widest layer. (default: 16)" in text
    assert "--d-optimizer.betas FLOAT FLOAT Adam's decay rates" in text


@pytest.mark.parametrize(
    ("word", "near"),
    [("--n-crtic", "--n-critic"), ("--batch_sise=4", "--batch-size"), ("--net.widht", "--net.width")],
)
def test_an_unknown_flag_gets_the_nearest_one(word, near):
    with pytest.raises(
        UnknownNameError, match=f"unknown option {word.partition('=')[0]}; did you mean {near}"
    ) as caught:
        run(word, "3")
    assert caught.value.fix == "see ganzoo run test --help"


def test_a_stray_word_is_named():
    with pytest.raises(ConfigError, match="unexpected argument 'mnist'"):
        run("--steps", "3", "mnist")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--d-optimizer.lr", "-1"], "--d-optimizer.lr: input should be greater than 0 (got '-1')"),
        (["--n-critic", "0"], "--n-critic: input should be greater than or equal to 1 (got '0')"),
        (["--steps", "0"], "--steps: input should be greater than or equal to 1 (got '0')"),
        (["--g-optimizer.betas", "0.5", "1.5"], "--g-optimizer.betas: input should be less than 1 (got '1.5')"),
        (["--d-optimizer.lr", "nan"], "--d-optimizer.lr: input should be a finite number (got 'nan')"),
        (["--steps", "3", "--epochs", "2"], "steps and epochs were given together"),
    ],
)
def test_a_value_out_of_range_is_one_clear_line(words, message):
    with pytest.raises(ConfigError) as caught:
        run(*words)
    assert caught.value.problem == message


def test_each_bad_value_has_its_line():
    with pytest.raises(ConfigError) as caught:
        run("--n-critic", "0", "--net.width", "-3")
    assert [line.partition(":")[0] for line in caught.value.problem.splitlines()] == ["--n-critic", "--net.width"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--n-critic", "x"], "--n-critic: input should be a valid integer, "),
        (["--steps", "1e3"], "--steps: input should be a valid integer, "),
        (["--net.width", "1.5"], "--net.width: input should be a valid integer, "),
        (["--d-optimizer.lr", "low"], "--d-optimizer.lr: input should be a valid number, "),
        (["--n-critic", "None"], "--n-critic: input should be a valid integer (got None)"),
    ],
)
def test_a_value_that_is_no_number_is_one_clear_line(words, message):
    with pytest.raises(ConfigError) as caught:
        run(*words)
    assert caught.value.problem.startswith(message)


def test_none_leaves_a_number_out():
    assert run("--steps", "None").training.steps is None


@pytest.mark.parametrize("words", [["--net.d-norm", "group"], ["--steps"]])
def test_a_value_of_another_type_exits_with_2_and_names_the_flag(words, capsys):
    with pytest.raises(SystemExit) as caught:
        run(*words)
    assert caught.value.code == 2
    assert words[0] in capsys.readouterr().err


def test_marks_change_how_a_field_looks():
    class Sample(Options):
        run: Annotated[Path, POSITIONAL]
        n: Annotated[Count, Mark(aliases=("-n",))] = 64
        as_json: Annotated[bool, Mark(name="json")] = False
        quiet: Switch = False
        secret: Annotated[int, HIDDEN] = 3

    made = parse(Sample, ["here", "-n", "3", "--json"], prog="ganzoo sample")
    assert (made.quiet, made.secret) == (False, 3)
    assert (made.run, made.n, made.as_json) == (Path("here"), 3, True)
    assert flags(Sample) == {"--n", "-n", "--json", "--no-json", "--quiet"}


class Execution(Options):
    """How."""

    threads: Threads = "auto"
    """A word or a number."""
    others: Threads | None = None
    """Or nothing."""


@pytest.mark.parametrize(("word", "value"), [("auto", "auto"), ("3", 3)])
def test_a_word_or_a_number_is_either(word, value):
    made = parse(Execution, ["--threads", word], prog="test")
    assert (made.threads, made.others) == (value, None)
    assert parse(Execution, [f"--others={word}"], prog="test").others == value


def test_what_is_neither_is_judged_by_the_class():
    with pytest.raises(ConfigError, match="no number of threads; choose auto, or a whole number from 1 on") as caught:
        parse(Execution, ["--threads", "0", "--others", "fast"], prog="test")
    assert [line.partition(" is")[0] for line in caught.value.problem.splitlines()] == [
        "--threads: '0'",
        "--others: 'fast'",
    ]


def test_help_names_the_word_and_the_number(capsys):
    with pytest.raises(SystemExit):
        parse(Execution, ["--help"], prog="test")
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "--threads auto|INT A word or a number. (default: auto)" in text
    assert "--others auto|INT Or nothing. (default: None)" in text


def test_two_fields_with_one_flag_are_refused():
    class Clash(Options):
        training: Annotated[Training, FLAT] = Training()
        steps: Count = 3

    with pytest.raises(ContractError, match=r"training\.steps and steps are both called --steps"):
        parse(Clash, [], prog="test")


def test_a_location_is_spelled_as_its_flag():
    assert flag(Run, ("options", "d_optimizer", "betas", 1)) == "--d-optimizer.betas"
    assert flag(Run, ("net", "d_norm")) == "--net.d-norm"
    assert flag(Run, ("training",)) == ""


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"net": {"widht": 3}}, "unknown key 'net.widht'; did you mean 'width'?"),
        ({"nett": {}}, "unknown key 'nett'; did you mean 'net'?"),
        ({"net": {"qqq": 1}}, "unknown key 'net.qqq'; known are width, d_norm, sizes"),
        (
            {"options": {"d_optimizer": {"lr": "fast"}}},
            "options.d_optimizer.lr: input should be a valid number, unable to parse string as a number (got 'fast')",
        ),
        ({"net": {"d_norm": "group"}}, "net.d_norm: input should be 'batch', 'layer' or 'none' (got 'group')"),
        ({"training": {"steps": 1, "epochs": 1}}, "training: steps and epochs were given together"),
    ],
)
def test_keys_of_a_file_are_spelled_with_dots(values, message):
    with pytest.raises(ValidationError) as caught:
        Run.model_validate(values)
    error = format_validation_error(caught.value, Run, source="run.toml")
    assert error.problem == f"run.toml: {message}"
    assert error.exit_code == 2
