"""The gate lets rounding pass and nothing else, and leaves no trace."""

import json

import pytest
import torch
from toys import games
from toys.faulty import STATEFUL
from toys.losses import Logistic
from toys.networks import BatchNormDiscriminator, TinyGenerator
from toys.playing import differences, make_engine, play
from toys.tampered import (
    DoublesRate,
    ForgetsAverage,
    ForgetsBuffer,
    ForgetsCount,
    ForgetsMoments,
    FrozenStream,
    LogsNothing,
    LosesImages,
    SkipsGenerator,
    Spoils,
    StaleNoise,
    Tampered,
    examined,
    stretched,
)

from ganzoo.game import GAN
from ganzoo.training.engine import parity as gate
from ganzoo.training.engine.capture import tape_recorder
from ganzoo.training.engine.parity import ALLOWED, Parity, examine
from ganzoo.training.engine.snapshot import Snapshot
from ganzoo.training.engine.tiers import Graph


@pytest.mark.parametrize("name", sorted(games.GAMES))
def test_a_replay_is_exact(name):
    parity = examined(lambda engine: Graph(engine.cycle, tape_recorder, span=4), name=name)
    assert parity.exact
    assert parity.passed
    assert (parity.error, parity.unequal) == (0, "")
    assert parity.describe() == "bit-equal over 4 iterations"
    assert parity.seconds > 0
    assert parity.eager_seconds > 0


def test_the_reference_is_exact_in_its_own_eyes_even_tampered_with_by_nothing():
    assert examined(stretched(1.0)).exact
    assert examined(Tampered).exact


@pytest.mark.parametrize("share", [0.001, 0.01, 0.04])
def test_rounding_passes_and_is_measured_in_updates(share):
    parity = examined(stretched(1 + share))
    assert not parity.exact
    assert parity.passed
    assert parity.error == pytest.approx(share, rel=1e-2)
    assert parity.allowed == ALLOWED
    assert parity.describe() == f"{parity.error:.2g} of an update from the reference, within the 0.05 allowed"


@pytest.mark.parametrize("share", [0.06, 0.5, -0.06])
@pytest.mark.parametrize("player", ["d", "g"])
def test_more_than_rounding_does_not(share, player):
    parity = examined(stretched(1 + share, player))
    assert not parity.passed
    assert parity.error == pytest.approx(abs(share), rel=1e-2)
    assert parity.describe() == f"{parity.error:.2g} of an update from the reference, beyond the 0.05 allowed"


@pytest.mark.parametrize(("wrong", "passes"), [(0, True), (1, False), (3, False)])
def test_the_first_iteration_from_untrained_weights_is_not_compared_by_its_weights(wrong, passes):
    class Turned(stretched(0.7)):
        """As where rounding turns some of the signs by which Adam's first step goes."""

        def after(self, before):
            if self.engine.iteration == wrong:
                super().after(before)

    engine = make_engine("vanilla")
    parity = examine(engine, Turned(engine), 4)
    assert not parity.exact
    assert parity.passed == passes
    engine = make_engine("vanilla")
    play(engine, 2)
    assert not examine(engine, stretched(0.7)(engine), 1).passed  # a single one is compared in any case


@pytest.mark.parametrize(
    ("fault", "name", "least"),
    [(SkipsGenerator, "vanilla", 0.99), (DoublesRate, "vanilla", 0.99), (StaleNoise, "vanilla", 0.1)],
)
def test_wrong_arithmetic_is_caught_by_the_weights(fault, name, least):
    parity = examined(fault, name=name)
    assert not parity.passed
    assert parity.unequal == ""
    assert parity.error >= least


def test_a_weight_that_is_not_a_number_is_caught():
    parity = examined(Spoils)
    assert not parity.passed
    assert parity.error == float("inf")


def batch_norm():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make_engine(GAN(TinyGenerator(), BatchNormDiscriminator(), Logistic(), games.OPTIONS))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    ("fault", "name", "unequal"),
    [
        (FrozenStream, "vanilla", "rng/turns"),
        (LosesImages, "vanilla", "values/drawn"),
        (LogsNothing, "vanilla", "values/meter"),
        (ForgetsAverage, "vanilla", "exported"),
        (ForgetsMoments, "vanilla", "optimizers/d.exp_avg"),
        (ForgetsBuffer, "energy", "model/loss.k"),
    ],
)
def test_all_else_that_must_move_and_does_not_is_caught_by_name(fault, name, unequal, precision):
    parity = examined(fault, name=name, precision=precision)
    assert not parity.passed
    assert parity.unequal == unequal
    assert parity.describe() == f"{unequal} is not the reference's"


def test_so_is_a_counter():
    parity = examined(ForgetsCount, engine=batch_norm())
    assert not parity.passed
    assert parity.unequal == "model/discriminator.body.3.num_batches_tracked"


class InOtherPrecision(Tampered):
    """The reference in bfloat16 where it is float32, and the other way round."""

    def before(self):
        self.engine.cycle.bf16 = not self.engine.cycle.bf16

    def after(self, before):
        self.before()


@pytest.mark.parametrize("name", ["vanilla", "energy", "cycle"])
def test_less_rounding_than_the_reference_has_passes_in_low_precision(name):
    parity = examined(InOtherPrecision, name=name, precision="bf16")
    assert parity.passed
    assert parity.error > 0
    assert parity.allowed == pytest.approx(max(ALLOWED, 2 * parity.error), rel=0.2)  # seen from the other side


def test_in_full_precision_the_same_rounding_is_no_excuse():
    engine = make_engine("vanilla")
    parity = examined(InOtherPrecision, engine=engine)
    assert parity.allowed == ALLOWED
    assert not parity.passed
    assert not engine.cycle.bf16


class OnEdge(BatchNormDiscriminator):
    """Each score has a term whose derivative is 0 where a weight is 0, as it is, and 1 where it is the least more."""

    def __init__(self):
        super().__init__()
        self.edge = torch.nn.Parameter(torch.zeros(64))

    def forward(self, images, labels=None):
        return super().forward(images, labels) + self.edge.relu().sum()


class RoundsOtherwise(Tampered):
    """The reference from weights in which the last place is another, as a compiler's sums are."""

    def before(self):
        gate._nudge(self.engine, 100)


def on_edge():
    torch.manual_seed(0)
    return make_engine(GAN(TinyGenerator(), OnEdge(), Logistic(), games.OPTIONS))


def test_what_rounding_does_to_the_reference_itself_passes(monkeypatch):
    engine = on_edge()
    found = examined(RoundsOtherwise, engine=engine)
    assert found.passed
    assert ALLOWED < found.error <= found.allowed
    monkeypatch.setattr(gate, "_NUDGES", 0)
    found = examined(RoundsOtherwise, engine=engine)
    assert not found.passed
    assert found.allowed == ALLOWED


def test_a_reference_that_does_not_repeat_itself_is_excused_on_a_gpu_alone(monkeypatch):
    """There, kernels add in any order; on a CPU something else than rounding moves it."""
    engine = on_edge()
    before = Snapshot(engine)
    reference, _ = gate._play(engine, engine.tier, before, 1)
    errors = iter([0.1, 0.3, 0.2] * 8)
    monkeypatch.setattr(gate, "_differing", lambda a, b: ["model/weight"])
    monkeypatch.setattr(gate, "_error", lambda *states: next(errors))
    assert gate._rounding(engine, engine.tier, before, reference, 1.0) == 0
    engine.device = torch.device("meta")  # anything but a CPU
    assert gate._rounding(engine, engine.tier, before, reference, 1.0) == 0.3


@pytest.mark.parametrize("fault", [SkipsGenerator, DoublesRate])
def test_a_reference_on_an_edge_is_no_excuse_for_a_fault(fault):
    assert not examined(fault, engine=on_edge()).passed


@pytest.mark.parametrize("fault", [SkipsGenerator, DoublesRate])
def test_low_precision_is_no_excuse_for_a_fault(fault):
    engine = make_engine("vanilla", precision="bf16")
    parity = examined(fault, engine=engine)
    assert not parity.passed
    assert engine.cycle.bf16


@pytest.mark.parametrize("name", sorted(STATEFUL))
def test_a_replay_of_a_game_with_state_outside_of_tensors_does_not_pass(name):
    torch.manual_seed(0)
    engine = make_engine(STATEFUL[name]())
    parity = examined(lambda engine: Graph(engine.cycle, tape_recorder, span=4), engine=engine, iterations=8)
    assert not parity.passed
    assert "of an update from the reference, beyond the" in parity.describe()


@pytest.mark.parametrize("iterations_before", [0, 3])
def test_a_tier_that_raises_leaves_no_trace(iterations_before):
    class Breaks(Tampered):
        def after(self, before):
            if self.engine.step.item() == iterations_before + 3:
                raise ZeroDivisionError

    engine = make_engine("cycle", precision="bf16")
    before = play(engine, iterations_before)
    kept = engine.tier
    with pytest.raises(ZeroDivisionError):
        examine(engine, Breaks(engine), 4)
    assert engine.tier is kept
    assert engine.cycle.bf16
    assert differences(before, Snapshot(engine)) == []


def test_a_run_goes_on_as_if_nobody_had_looked():
    engine = make_engine("lazy")
    play(engine, 2)
    examine(engine, Graph(engine.cycle, tape_recorder, span=2), 4)
    examine(engine, stretched(1.01)(engine), 4)
    assert differences(play(make_engine("lazy"), 7), play(engine, 5)) == []


def test_what_was_found_can_be_written_down():
    for tier in (Tampered, stretched(1.01), stretched(2)):
        parity = examined(tier)
        values = json.loads(json.dumps(parity.as_dict(), allow_nan=False))
        assert values.pop("passed") == parity.passed
        assert Parity(**values) == parity
