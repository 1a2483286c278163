"""``ganzoo info``: options with ranges, and networks with what they cost."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import pytest
from pydantic import Field

from ganzoo.cli.describe import field_range, option_rows
from ganzoo.cli.main import main
from ganzoo.options import Beta, Count, Options, Positive, Threads
from ganzoo.registry import registry


class Ranges(Options):
    """One field for each kind of range."""

    lr: Positive = 1.0
    """Both."""
    count: Count | None = None
    betas: tuple[Beta, Beta] = (0.5, 0.9)
    side: Annotated[int, Field(ge=4, le=1024)] | None = None
    gamma: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    name: Literal["adam", "sgd"] = "adam"
    channels: Literal[1, 3] | None = None
    threads: Threads = "auto"
    text: str = "any"
    flag: bool = False


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lr", "> 0"),
        ("count", ">= 1"),
        ("betas", "[0, 1)"),
        ("side", "[4, 1024]"),
        ("gamma", "(0, 1]"),
        ("name", "adam | sgd"),
        ("channels", "1 | 3"),
        ("threads", "auto | >= 1"),
        ("text", ""),
        ("flag", ""),
    ],
)
def test_ranges_are_written_as_intervals(name, expected):
    assert field_range(Ranges.model_fields[name]) == expected


def test_rows_follow_nested_options_and_take_the_instance_for_defaults():
    class Outer(Options):
        inner_part: Ranges = Ranges()

    rows = {row["flag"]: row for row in option_rows(Outer(inner_part=Ranges(lr=3.0)), "net.")}
    assert rows["--net.inner-part.lr"] == {
        "flag": "--net.inner-part.lr",
        "default": 3.0,
        "range": "> 0",
        "help": "Both.",
    }


def info(capsys, *words):
    assert main(["info", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_options_and_costs_of_dcgan(capsys):
    told = info(capsys, "dcgan")
    assert told["data"] == {"name": "mnist", "shape": [1, 28, 28]}
    assert "--d-optimizer.lr" in {row["flag"] for row in told["options"]}
    assert "--net.width" in {row["flag"] for row in told["net"]}
    assert all(row["help"] for row in told["options"] + told["net"])
    generator, discriminator = told["networks"]["generator"], told["networks"]["discriminator"]
    assert generator["layers"][-1]["output_shape"] == [1, 1, 28, 28]
    assert sum(layer["flops"] for layer in generator["layers"]) == generator["flops_per_image"]
    assert generator["flops_per_image"] == pytest.approx(26.3e6, rel=0.02)
    assert discriminator["flops_per_image"] == pytest.approx(26.1e6, rel=0.02)


def test_another_data_set_size_and_backbone_change_the_networks(capsys):
    told = info(capsys, "wgan-gp", "--backbone", "dcgan", "--dataset", "cifar10", "--image-size", "64", "--conditional")
    assert told["data"]["shape"] == [3, 64, 64]
    assert told["networks"]["generator"]["layers"][-1]["output_shape"] == [1, 3, 64, 64]


@pytest.mark.parametrize("name", sorted(registry().variants()))
def test_every_variant_is_described(name, capsys):
    assert main(["info", name]) == 0
    text = capsys.readouterr().out
    entry = registry().variant(name)
    assert entry.spec.paper.title in text
    assert str(entry.spec.paper.url) in text
    assert f"{entry.origin} ({entry.origin.source}), module {entry.origin.module}" in text
    assert text.count("total, for one image") == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["dcgn"], "unknown variant 'dcgn'; did you mean 'dcgan'?"),
        (["dcgan", "--dataset", "mnst"], "unknown data set 'mnst'; did you mean 'mnist'?"),
        (["dcgan", "--backbone", "dcgn"], "unknown backbone 'dcgn'; did you mean 'dcgan'?"),
        (["dcgan", "--image-size", "2"], "image_size: input should be greater than or equal to 4 (got 2)"),
        (["dcgan", "--image-size", "33"], "33"),
    ],
)
def test_bad_words_exit_with_2_and_are_named(words, message, capsys):
    assert main(["info", *words]) == 2
    assert message in capsys.readouterr().err
