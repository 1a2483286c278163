"""What an iteration computes is counted to the operation, gradients of gradients included, and divided rightly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d

from ganzoo.bench.work import count
from ganzoo.training.session import Session

from .conftest import load

limits = load("limits")
contest = load("baselines.contest")


@pytest.fixture(autouse=True)
def _torchs_settings():
    settings = contest.Settings.now()
    yield
    settings.apply()


def session(case: str, size: int = 8, **training: object) -> Session:
    """A session of ``case`` on digits of ``size`` pixels, batch 8."""
    options = {"batch_size": 8, "device": "cpu", "threads": 1, "engine": "eager", "precision": "fp32", **training}
    return Session(contest.case_config(case, options, {"dataset": "digits", "image_size": size}))


def flops(body) -> int:
    return sum(count(body).flops.values())


def test_products_are_counted_forwards_and_backwards() -> None:
    layer, batch = nn.Linear(5, 7), torch.randn(3, 5)
    once = 2 * 3 * 5 * 7
    assert flops(lambda: layer(batch)) == once
    assert flops(lambda: layer(batch).sum().backward()) == 2 * once  # the input has no gradient
    assert flops(lambda: layer(batch.clone().requires_grad_()).sum().backward()) == 3 * once


def test_a_gradient_of_a_gradient_is_counted() -> None:
    weight = torch.randn(4, 2, 3, 3, requires_grad=True)
    batch = torch.randn(5, 2, 8, 8, requires_grad=True)
    once = 2 * 5 * 4 * 2 * 3 * 3 * 6 * 6

    def penalised() -> None:
        (gradient,) = torch.autograd.grad(conv2d(batch, weight).square().sum(), batch, create_graph=True)
        gradient.square().sum().backward(inputs=[weight])

    # Forward; the gradient by the input; and three more for each of the two, as it depends on weight and score.
    assert 5 * once <= flops(penalised) <= 8 * once


def test_arithmetic_is_told_apart() -> None:
    def mixed() -> None:
        left = torch.randn(4, 4)
        torch.mm(left, left)
        torch.mm(left.bfloat16(), left.bfloat16())

    work = count(mixed)
    assert work.flops == {"fp32": 128, "bf16": 128}
    assert work.operators == 5


@pytest.mark.parametrize(("case", "passes"), [("dcgan", (3, 8)), ("wgan-gp", (8, 62))])
def test_an_iteration_has_the_passes_of_theory(case: str, passes: tuple[int, int]) -> None:
    # Lean: 3 G + 8 D. With a penalty: five times 1 G + 12 D, and 3 G + 2 D for the generator.
    with (found := session(case, size=32)).batcher:
        engine = found.engine
        game = engine.game
        latent = game.generator.sample_latent(8, engine.rng, device=engine.rng.device)
        with torch.no_grad():
            images = game.generator(latent)
            each = [flops(lambda: game.generator(latent)), flops(lambda: game.discriminator(images))]
        theory = sum(number * cost for number, cost in zip(passes, each, strict=True))
        assert flops(engine.iterate) == pytest.approx(theory, rel=0.05)


def test_bytes_of_the_weights() -> None:
    with (found := session("vanilla", ema=0.0)).batcher:
        engine = found.engine
        moved = limits.least_bytes(engine)
        weights = sum(parameter.numel() for parameter in engine.game.parameters())
    assert moved == {
        "gradients": 4 * weights,
        "adam": 28 * weights,
        "weights": 4 * weights,
        "casts": 0,
        "ema": 0,
    }


def test_copies_in_bfloat16_and_an_average_move_more() -> None:
    with (found := session("vanilla", precision="bf16", ema=0.9)).batcher:
        moved = limits.least_bytes(found.engine)
    assert moved["casts"] == moved["weights"]
    assert moved["ema"] > 0


def test_the_limit_is_a_sum_of_quotients() -> None:
    peak = {"fp32": 10.0, "bf16": 40.0, "bandwidth": 5.0}
    assert limits.limit({"fp32": 20, "bf16": 80}, 15, peak) == {"arithmetic": 4, "memory": 3, "both": 7}
    slow = {**peak, "bf16": None}
    assert limits.limit({"bf16": 80}, 0, slow)["both"] == 8


def test_a_processor_without_bfloat16_has_no_peak_for_it() -> None:
    found = limits.peaks(16, 1, 3, half=False)
    assert found["bf16"] is None
    assert found["fp32"] > 0
    assert found["bandwidth"] > 0


def test_a_variant_that_does_not_exist_is_named(capsys) -> None:
    with pytest.raises(SystemExit):
        limits.main(["--variants", "stylegan"])
    assert "invalid choice: 'stylegan'" in capsys.readouterr().err


def test_tiny_limits_from_end_to_end(real_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "limits.json"
    small = ["--batch-size", "8", "--seconds", "0.001", "--blocks", "2"]
    peak = ["--matrix", "32", "--megabytes", "1", "--repeats", "3"]
    words = ["--variants", "vanilla", *small, *peak, "--data-dir", str(real_data)]
    assert limits.main([*words, "--out", str(out)]) == 0
    (case,) = json.loads(out.read_text())["cases"]
    assert str(real_data) not in out.read_text()
    assert case["share"] == pytest.approx(case["limit_seconds"]["both"] / case["seconds"])
    assert case["operators"] > 100
    assert sum(case["flops"].values()) > 0
