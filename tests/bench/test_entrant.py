"""What is timed: the plain loop, the engine, their warm-up, and the process in which they run."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from typing import Any

import pytest
import torch

from ganzoo.arithmetic import denormals_are_zero
from ganzoo.assembly import build_game
from ganzoo.bench import entrant as room
from ganzoo.bench.contest import hold
from ganzoo.bench.entrant import Ganzoo, Plain, each_iteration, timed, warm_up
from ganzoo.bench.job import Job
from ganzoo.bench.plain import PlainLoop, plain_batches
from ganzoo.bench.process import ContenderError, Process
from ganzoo.bench.work import count, median_seconds, peaks
from ganzoo.config import RunConfig, make_config
from ganzoo.data.catalog import find_source
from ganzoo.errors import ConfigError
from ganzoo.registry import registry

NETS: dict[str, dict[str, Any]] = {
    "vanilla": {"g_widths": [8], "d_widths": [8], "latent_dim": 4},
    "dcgan": {"width": 4, "latent_dim": 4},
    "lsgan": {"width": 4, "latent_dim": 4},
    "wgan-gp": {"width": 4, "latent_dim": 4},
    "began": {"width": 4, "latent_dim": 4, "generator_width": 2},
}


def config(variant: str = "vanilla", **training: Any) -> RunConfig:
    how = {"batch_size": 8, "precision": "fp32", "threads": 1, "engine": "eager", "steps": 1000, "device": "cpu"}
    size = {} if variant == "vanilla" else {"image_size": 16}
    raw = {"variant": variant, "net": NETS[variant], "training": how | training, "data": {"dataset": "digits", **size}}
    return make_config(raw)


def job(kind: Any = "ganzoo", variant: str = "vanilla", **training: Any) -> Job:
    return Job(kind=kind, config=config(variant, **training).to_dict(), seconds=0.05)


class TestPlainLoop:
    """The loop that everybody copies."""

    @pytest.mark.parametrize("variant", sorted(set(registry().variants()) & NETS.keys()))
    def test_it_plays_every_variant_and_moves_every_player(self, variant: str) -> None:
        entrant = Plain(config(variant))
        before = {name: weight.clone() for name, weight in entrant.loop.game.named_parameters()}
        losses = entrant.loop.iterate()
        entrant.play(1)
        still = [name for name, w in entrant.loop.game.named_parameters() if torch.equal(w, before[name])]
        assert not [name for name in still if not name.endswith("bias")]
        assert losses
        assert all(isinstance(value, float) for value in losses.values())
        assert entrant.finite()
        assert entrant.images == 8 * len(entrant.loop.game.rounds(0))

    def test_its_images_are_those_of_the_data_set_in_its_range(self) -> None:
        source = find_source(config().data)
        images = source.load("train").images
        batch = next(plain_batches(source, config().data, 64))
        assert batch["images"].shape == (64, *images.shape[1:])
        assert (batch["images"].min(), batch["images"].max()) == (-1, 1)
        known = {bytes(image.numpy().tobytes()) for image in images}
        pixels = ((batch["images"] + 1) * 127.5).round().to(torch.uint8)
        assert all(bytes(image.numpy().tobytes()) in known for image in pixels)

    def test_a_batch_larger_than_the_data_set_is_refused(self) -> None:
        source = find_source(config().data)
        with pytest.raises(ConfigError, match="--batch-size 100000 is more than"):
            plain_batches(source, config().data, 100_000)

    def test_an_epoch_has_batches_of_whole_size_alone(self) -> None:
        source = find_source(config().data)
        sizes = {batch.size for batch in islice(plain_batches(source, config().data, 500), 8)}
        assert sizes == {500}

    def test_it_computes_what_the_engine_computes(self) -> None:
        """Same weights, same batch, same latents: the first losses agree, whoever plays."""
        entrant = Plain(config("dcgan"))
        game = build_game(config("dcgan"), find_source(config("dcgan").data).info).train()
        game.load_state_dict(entrant.loop.game.state_dict())
        batch = next(plain_batches(find_source(config("dcgan").data), config("dcgan").data, 8))
        from ganzoo.game import Turn

        losses = PlainLoop(entrant.loop.game, iter([batch]), torch.device("cpu"), seed=5).iterate()
        turn = Turn(batch, torch.Generator().manual_seed(5), torch.tensor(0), ("d", "g"))
        terms = {player.name: player.loss for player in game.players()}["d"](turn)
        assert {f"d/{name}": value.item() for name, value in terms.items()} == pytest.approx(
            {name: value for name, value in losses.items() if name.startswith("d/")}
        )


class Clock:
    """Time that goes by as fast as work says."""

    def __init__(self, seconds: Callable[[int], float]) -> None:
        self.now, self.seconds, self.played = 0.0, seconds, 0

    def run(self, iterations: int) -> float:
        taken = sum(self.seconds(self.played + index) for index in range(iterations))
        self.played += iterations
        self.now += taken
        return taken

    def __call__(self) -> float:
        return self.now


class TestWarmUp:
    """It ends when it is equally fast, or says that it never was."""

    def test_steady_work_settles_at_once(self) -> None:
        clock = Clock(lambda index: 0.01)
        found = warm_up(clock.run, 1.0, clock=clock)
        assert found["settled"]
        assert found["block"] == pytest.approx(100, abs=1)
        assert found["iterations"] == clock.played
        assert found["seconds"] == pytest.approx(clock.now, rel=0.01)

    def test_work_that_grows_faster_is_waited_for(self) -> None:
        clock = Clock(lambda index: 0.03 if index < 20 else 0.01)
        found = warm_up(clock.run, 1.0, clock=clock)
        assert found["settled"]
        assert found["block"] == pytest.approx(100, abs=1)

    def test_work_that_never_settles_is_given_up_and_marked(self) -> None:
        clock = Clock(lambda index: 0.01 * 1.01**index)
        found = warm_up(clock.run, 1.0, clock=clock)
        assert not found["settled"]
        assert 10 <= clock.now < 40

    def test_a_block_is_a_multiple_of_a_span(self) -> None:
        clock = Clock(lambda index: 0.01)
        assert warm_up(clock.run, 1.0, span=8, clock=clock)["block"] % 8 == 0

    def test_an_iteration_longer_than_a_block_is_a_block(self) -> None:
        clock = Clock(lambda index: 5.0)
        assert warm_up(clock.run, 1.0, clock=clock)["block"] == 1

    def test_iterations_longer_than_its_patience_are_warmed_up_all_the_same(self) -> None:
        clock = Clock(lambda index: 20.0)
        found = warm_up(clock.run, 1.0, clock=clock)
        assert (found["settled"], found["iterations"]) == (True, 6)


class TestEngine:
    """ganzoo's side of a contest."""

    def test_it_is_set_up_as_a_run_is_and_says_how(self) -> None:
        with closing(Ganzoo(config())) as entrant:
            block = timed(entrant, 3)
            assert block.seconds > 0
            assert entrant.engine.iteration == 3
            facts = entrant.facts()
            assert (facts["tier"], facts["precision"], facts["settings"]["threads"]) == ("eager", "fp32", 1)
            assert facts["choice"]["asked"] == "eager"
            assert set(entrant.timings) == {"data", "build", "prepare"}
            times = each_iteration(entrant, 0.01, 0.001)
            assert len(times) == 10
            assert all(each > 0 for each in times)

    def test_it_computes_as_a_run_does_until_it_is_closed_or_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with closing(Ganzoo(config())):
            assert denormals_are_zero()
        assert not denormals_are_zero()

        def refuse(engine: object, config: object) -> None:
            assert denormals_are_zero()
            raise ConfigError("no such tier")

        monkeypatch.setattr(room, "decide", refuse)
        with pytest.raises(ConfigError) as caught:  # holds the traceback, and with it all that was built
            Ganzoo(config())
        assert not denormals_are_zero()
        assert caught.value.problem == "no such tier"

    def test_flops_of_an_mlp_are_counted_by_hand(self) -> None:
        """Lean step, batch 8 of 64 pixels: D twice forward and back, G once forward and back, D once more for G."""
        with closing(Ganzoo(config())) as entrant:
            flops = entrant.flops()
        g, d = 2 * (4 * 8 + 8 * 64), 2 * (64 * 8 + 8 * 1)
        forward = g + 2 * d + d
        # Weights: both players. Inputs: D's first layer passes a gradient on in the generator's step alone.
        backward = 2 * d + 2 * 2 * 8 * 1 + g + 2 * 8 * 64 + d
        assert set(flops) == {"fp32"}
        assert flops["fp32"] == pytest.approx(forward + backward, rel=0.25)

    def test_bf16_is_counted_apart(self) -> None:
        with closing(Ganzoo(config(precision="bf16"))) as entrant:
            flops = entrant.flops()
        assert flops["bf16"] > 10 * flops.get("fp32", 0)


def test_a_product_is_counted_exactly() -> None:
    left, right = torch.ones(3, 5), torch.ones(5, 7)
    assert count(lambda: left @ right).flops == {"fp32": 2 * 3 * 5 * 7}  # type: ignore[arg-type, return-value]


def test_peaks_are_those_of_products_and_copies() -> None:
    found = peaks(64, 1, 3, half=False)
    assert found["bf16"] is None
    assert found["fp32"] is not None
    assert found["fp32"] > 1e6
    assert found["bandwidth"] is not None
    assert found["bandwidth"] > 1e6
    assert median_seconds(lambda: None, 3) >= 0


def test_a_device_without_measured_peaks_has_none() -> None:
    assert room.device_peaks(torch.device("meta")) == {}


@pytest.mark.slow
class TestProcess:
    """The real thing: fresh processes, told line by line."""

    def test_a_contest_of_two_processes(self) -> None:
        found, failures = hold([job("plain"), job()], 2, "cpu")
        assert failures == []
        assert found is not None
        plain, own = found.contenders
        assert own.times_as_fast_as_plain is not None
        assert own.cold_start.imports > 0.2
        assert own.memory.process is not None
        assert own.memory.process > 10**8
        assert (plain.tier, own.tier, own.finite) == ("plain", "eager", True)
        assert len(own.blocks) == len(plain.blocks) == 2
        assert own.utilisation is not None
        assert found.peaks["fp32"]

    def test_what_cannot_be_built_says_why(self) -> None:
        with Process(job(engine="graph")) as process, pytest.raises(ContenderError, match="--engine graph needs CUDA"):
            process.start()

    def test_a_process_that_dies_is_told_with_its_last_words(self) -> None:
        with Process(job()) as process:
            process.start()
            process._process.kill()
            with pytest.raises(ContenderError, match="SIGKILL"):
                process.block()

    def test_one_that_hangs_is_given_up(self) -> None:
        with Process(job(), limit=0.01) as process, pytest.raises(ContenderError, match="did not answer"):
            process.start()

    def test_a_failure_inside_is_one_line_and_the_trace_goes_to_stderr(self) -> None:
        with Process(job()) as process:
            process.start()
            with pytest.raises(ContenderError, match="AttributeError"):
                process._told({"do": "nonsense"})

    def test_what_libraries_print_does_not_disturb(self) -> None:
        with Process(job()) as process:
            assert json.dumps(process.start())
            assert process.environment()["device"] == "cpu"
