"""Configs: defaults of variant and backbone, TOML in and out, and what is refused."""

import pytest

from ganzoo.config import BUDGETS, TrainingOptions, find_specs, make_config, read_config, validate
from ganzoo.errors import ConfigError, IncompatiblePartsError, UnknownNameError
from ganzoo.registry import registry

VARIANTS = sorted(registry().variants())


@pytest.mark.parametrize("variant", VARIANTS)
def test_toml_round_trip(variant, tmp_path):
    config = make_config({"variant": variant, "training": {"steps": 7, "seed": 3}})
    path = tmp_path / "config.toml"
    path.write_text(config.to_toml())
    again = make_config(read_config(path))
    assert again == config
    assert again.digest() == config.digest()


def test_digest_tells_configs_apart():
    digests = {make_config({"variant": "dcgan", "training": {"seed": seed}}).digest() for seed in range(5)}
    assert len(digests) == 5


def test_stacks_stand_in_a_config_only_where_they_were_asked_for():
    plain = make_config({"variant": "dcgan", "data": {"dataset": "stacked-mnist"}})
    usual = {"dataset": "stacked-mnist", "split": "train", "storage": "auto", "workers": 2, "download": True}
    assert plain.to_dict()["data"] == usual
    asked = make_config({"variant": "dcgan", "data": {"dataset": "stacked-mnist", "stacks": 5000, "stacks_seed": 1}})
    assert asked.to_dict()["data"] == {**usual, "stacks": 5000, "stacks_seed": 1}
    assert asked.digest() != plain.digest()


@pytest.mark.parametrize("threads", ["auto", None])
def test_auto_threads_are_what_no_number_of_them_is(threads, tmp_path):
    absent = make_config({"variant": "dcgan"})
    config = make_config({"variant": "dcgan", "training": {"threads": threads}})
    assert config.training.threads == absent.training.threads == "auto"
    assert config.digest() == absent.digest()
    assert "threads" not in config.to_toml()
    path = tmp_path / "config.toml"
    path.write_text('variant = "dcgan"\n[training]\nthreads = "auto"\n')
    assert make_config(read_config(path)) == absent


def test_a_number_of_threads_is_part_of_the_config():
    config = make_config({"variant": "dcgan", "training": {"threads": 2}})
    assert config.training.threads == config.to_dict()["training"]["threads"] == 2


def test_a_section_that_sets_one_option_keeps_the_variants_other_ones():
    config = make_config({"variant": "wgan-gp", "options": {"d_optimizer": {"lr": 0.5}}})
    assert config.options.d_optimizer.lr == 0.5
    assert config.options.d_optimizer.betas == config.options.g_optimizer.betas == (0.5, 0.9)
    assert config.options.n_critic == 5


@pytest.mark.parametrize("budget", BUDGETS)
def test_a_given_budget_replaces_the_variants(budget):
    config = make_config({"variant": "dcgan", "training": {budget: 3}})
    assert config.training.budget == (budget, 3.0)
    assert make_config(config.to_dict()).training.budget == (budget, 3.0)


def test_another_rule_keeps_the_variants_betas_and_is_read_back():
    config = make_config({"variant": "wgan-gp", "options": {"d_optimizer": {"name": "sgd", "momentum": 0.9}}})
    assert make_config(config.to_dict()) == config


def test_budgets_exclude_each_other():
    with pytest.raises(ConfigError, match="steps and minutes were given together"):
        make_config({"variant": "dcgan", "training": {"steps": 1, "minutes": 1}})


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({}, "names no variant"),
        ({"variant": 3}, "names no variant"),
        ({"variant": "dcgan", "backbone": 3}, "must be a name"),
        ({"variant": "dcgan", "trainign": {}}, "did you mean 'training'"),
        ({"variant": "dcgan", "training": {"batchsize": 3}}, "did you mean 'batch_size'"),
        ({"variant": "dcgan", "training": {"batch_size": 0}}, r"training\.batch_size: .*greater than or equal to 1"),
        ({"variant": "dcgan", "training": {"device": "gpu"}}, r"training\.device"),
        (
            {"variant": "dcgan", "training": {"threads": "fast"}},
            r"^training\.threads: 'fast' is no .*; choose auto",
        ),
        ({"variant": "dcgan", "training": {"threads": 0}}, r"^training\.threads: 0 is no number of threads"),
        ({"variant": "dcgan", "training": {"ema": 1.0}}, r"training\.ema"),
        ({"variant": "dcgan", "training": 3}, "training"),
        ({"variant": "dcgan", "options": {"d_optimizer": {"lr": -1}}}, r"options\.d_optimizer\.lr: .*\(got -1\)"),
        ({"variant": "dcgan", "options": {"d_optimizer": {"name": "lion"}}}, "'adam', 'rmsprop' or 'sgd'"),
        ({"variant": "dcgan", "options": {"d_optimizer": {"lr": float("nan")}}}, "finite"),
        ({"variant": "dcgan", "options": {"d_optimizer": {"momentum": 0.9}}}, r"momentum is 0\.9, and adam"),
    ],
)
def test_what_does_not_fit_is_named(raw, message):
    with pytest.raises(ConfigError, match=message):
        make_config(raw)


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(UnknownNameError, match="did you mean 'wgan-gp'"):
        make_config({"variant": "wgangp"})
    with pytest.raises(UnknownNameError, match="unknown backbone 'dcgen'; did you mean 'dcgan'"):
        make_config({"variant": "wgan-gp", "backbone": "dcgen"})


def test_another_backbone_brings_its_own_options():
    config = make_config({"variant": "wgan-gp", "backbone": "dcgan", "net": {"d_norm": "none"}})
    assert config.net.d_norm == "none"
    with pytest.raises(ConfigError, match=r"unknown key 'net\.d_norm'"):
        make_config({"variant": "wgan-gp", "net": {"d_norm": "none"}})


def test_a_game_with_its_own_networks_takes_no_backbone(monkeypatch):
    from dataclasses import replace

    own = registry().variant("dcgan")
    alone = type(own)(replace(own.spec, backbone=None), own.origin)
    monkeypatch.setattr(type(registry()), "variant", lambda self, name: alone)
    assert find_specs("dcgan") == (alone.spec, None)
    with pytest.raises(IncompatiblePartsError, match="brings its own networks"):
        find_specs("dcgan", "mlp")


@pytest.mark.parametrize("content", [b"variant = ", b"\xff\xfe", b"[a]\n[a]"])
def test_a_file_that_is_no_toml_is_named(tmp_path, content):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"bad\.toml is no TOML"):
        read_config(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: No such file[^\n]*\n  fix: name a TOML file"):
        read_config(tmp_path / "none.toml")


def test_without_any_budget_there_is_a_default():
    assert validate(TrainingOptions, {}).budget == ("epochs", 20.0)
