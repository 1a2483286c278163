"""What `ganzoo run` refuses before it begins, since it would do nothing or could mean two things."""

from dataclasses import replace

import pytest

from ganzoo.cli.main import main
from ganzoo.cli.run_arguments import SessionArguments, read_arguments
from ganzoo.config import SESSION, make_config
from ganzoo.errors import ContractError
from ganzoo.options import GANOptions
from ganzoo.registry import registry


class Clashing(GANOptions):
    samples: int = 3
    """Something that the plugin calls samples."""


def test_the_names_that_a_session_takes_are_all_there():
    assert set(SESSION) == set(SessionArguments.model_fields)


def test_an_option_called_like_one_of_every_run_is_named_with_the_other(monkeypatch, capsys):
    own = registry().variant("vanilla")
    clashing = replace(own, spec=replace(own.spec, options=Clashing))
    monkeypatch.setattr(type(registry()), "variant", lambda self, name: clashing)
    assert main(["run", "vanilla", "--help"]) == ContractError.exit_code
    err = " ".join(capsys.readouterr().err.split())
    assert f"variant 'vanilla' of {own.origin} has an option 'samples'" in err
    assert "takes for training.samples" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--resume", "runs/x", "--out", "there"], "--resume and --out were given together"),
        (["--resume", "runs/x", "--name=y"], "--resume and --name were given together"),
        (["vanilla", "--eval-metrics", "nonsense"], "unknown metric 'nonsense'"),
        (["vanilla", "--eval-features", "mnist-cn"], "did you mean 'mnist-cnn'"),
        (["vanilla", "--d-optimizer.momentum", "0.9"], "d_optimizer.momentum is 0.9, and adam has no use for it"),
        (["vanilla", "--g-optimizer.name", "sgd", "--g-optimizer.eps", "1e-4"], "it is for adam and rmsprop"),
    ],
)
def test_what_would_do_nothing_is_refused(tmp_path, capsys, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    assert main(["run", *words]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command", [["run", "dcgan"], ["eval", "mnist:train", "--against", "mnist:test"], ["bench", "dcgan"]]
)
@pytest.mark.parametrize("word", ["fast", "0", "-1", "1.5"])
def test_what_is_no_number_of_threads_is_told_with_the_choices(tmp_path, capsys, monkeypatch, command, word):
    monkeypatch.chdir(tmp_path)
    assert main([*command, "--threads", word]) == 2
    told = capsys.readouterr().err
    assert told == f"error: --threads: '{word}' is no number of threads; choose auto, or a whole number from 1 on\n"
    assert list(tmp_path.iterdir()) == []


def test_auto_threads_override_those_of_a_file(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text(make_config({"variant": "dcgan", "training": {"threads": 2}}).to_toml())
    for words, threads in (([], 2), (["--threads", "auto"], "auto"), (["--threads", "1"], 1)):
        config, _ = read_arguments(["--config", str(file), *words])
        assert config.training.threads == threads


def test_another_rule_may_be_chosen_over_a_variant_s_own_betas(capsys):
    words = ["run", "wgan-gp", "--d-optimizer.name", "sgd", "--d-optimizer.momentum", "0.9", "--print-config"]
    assert main(words) == 0
    assert "momentum = 0.9" in capsys.readouterr().out


def test_a_run_that_cannot_begin_leaves_no_folder(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["run", "vanilla", "--dataset", "digits", "--device", "cpu", "--threads", "1", "--steps", "2"]
    assert main([*words, "--engine", "graph"]) == 2
    assert "needs CUDA" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
