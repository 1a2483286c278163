"""Which tier runs, why no higher one does, and that choosing leaves no trace."""

import json
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from toys import games
from toys.faulty import ASKING, STATEFUL, asking
from toys.losses import Logistic
from toys.networks import TinyDiscriminator, TinyGenerator
from toys.playing import differences, make_engine, play
from toys.translation import CycleGame

from ganzoo.data import DataInfo
from ganzoo.data.images import ImageSet
from ganzoo.data.streaming import StreamBatcher
from ganzoo.errors import ConfigError, ContractError
from ganzoo.game import GAN
from ganzoo.training.engine import choice
from ganzoo.training.engine.capture import tape_recorder
from ganzoo.training.engine.choice import TIERS, choose
from ganzoo.training.engine.parity import Parity
from ganzoo.training.engine.snapshot import Snapshot
from ganzoo.training.engine.tiers import Compiled, CompiledGraph, Eager


def parity_of(tier, *, seconds=0.5, error=0.0, unequal=""):
    """What a gate would find of a tier that takes ``seconds`` where the reference takes one."""
    exact = not error and not unequal
    return Parity(
        tier=tier.name,
        iterations=8,
        exact=exact,
        error=error,
        allowed=0.05,
        unequal=unequal,
        seconds=seconds,
        eager_seconds=1.0,
    )


@pytest.fixture
def as_on_cuda(monkeypatch):
    """A device that has graphs: a tape stands in for them."""
    monkeypatch.setattr(choice, "_needs", lambda engine, name: "")
    monkeypatch.setattr(choice, "cuda_recorder", lambda *rngs: tape_recorder)


@pytest.fixture
def as_it_is(monkeypatch):
    """A compiler that changes nothing, for the real gate."""
    monkeypatch.setattr(choice, "Compiled", lambda cycle: Compiled(cycle, lambda module: module))


@pytest.fixture
def gate(monkeypatch):
    """Replaces the gate: what it finds can be set, and whom it examined be read."""

    class Gate:
        def __init__(self):
            self.found, self.found_of, self.examined = {}, {}, []

        def __call__(self, engine, tier):
            self.examined.append(tier.name)
            return parity_of(tier, **self.found_of.get(tier.name, self.found))

    gate = Gate()
    monkeypatch.setattr(choice, "examine", gate)
    return gate


def unchanged(engine, ask):
    """What ``ask`` returns or raises; the state of ``engine`` must be what it was."""
    before = play(engine, 2)
    try:
        return ask()
    finally:
        assert differences(before, Snapshot(engine)) == []


def test_the_reference_is_taken_as_asked_with_no_question():
    engine = make_engine("vanilla")
    tier = engine.tier
    chosen = choose(engine, "eager", expected=lambda share: 1 / 0)
    assert engine.tier is tier
    assert chosen.describe() == "eager"
    assert chosen.as_dict() == {"tier": "eager", "asked": "eager", "reasons": {}, "parity": None}


def test_a_short_run_on_a_cpu_is_eager_with_a_reason_for_each_tier_above(gate):
    engine = make_engine("vanilla")
    chosen = unchanged(engine, lambda: choose(engine, "auto", expected=lambda share: 42.4))
    assert chosen.tier == "eager"
    assert chosen.reasons == {
        "graph+compile": "needs CUDA",
        "graph": "needs CUDA",
        "compile": "the run is short, about 42 s",
    }
    assert isinstance(engine.tier, Eager)
    assert chosen.parity is None
    assert gate.examined == []
    assert chosen.describe() == (
        "eager (graph+compile: needs CUDA; graph: needs CUDA; compile: the run is short, about 42 s)"
    )


def test_a_long_run_on_a_cpu_is_compiled_where_that_is_right_and_pays(gate):
    engine, said = make_engine("vanilla"), []
    gate.found = {"seconds": 0.6, "error": 0.01}
    chosen = unchanged(engine, lambda: choose(engine, "auto", expected=lambda share: 3600.0, say=said.append))
    assert chosen.tier == engine.tier.name == "compile"
    assert chosen.parity == parity_of(engine.tier, seconds=0.6, error=0.01)
    assert chosen.reasons.keys() == {"graph", "graph+compile"}
    assert said == ["compiling the step, which takes up to some minutes ..."]
    assert chosen.describe().startswith("compile (0.01 of an update from the reference, within the 0.05 allowed; ")


@pytest.mark.parametrize(
    ("device", "tier", "best", "least"), [("cpu", "compile", "eager", 600), ("cuda", "graph+compile", "graph", 300)]
)
def test_how_long_a_run_must_be_to_be_compiled_depends_on_what_that_brings(device, tier, best, least):
    engine = SimpleNamespace(device=torch.device(device))
    assert choice._unwise(engine, tier, best, lambda: least - 1.0) == f"the run is short, about {least - 1} s"
    assert choice._unwise(engine, tier, best, lambda: float(least)) == ""


def test_a_long_run_is_compiled_behind_the_real_gate(as_it_is, monkeypatch):
    monkeypatch.setattr(choice, "_GAIN", 1e9)  # a compiler that changes nothing makes nothing faster
    engine = make_engine("cycle")
    chosen = unchanged(engine, lambda: choose(engine, "auto"))
    assert chosen.tier == engine.tier.name == "compile"
    assert chosen.parity.exact
    assert differences(play(make_engine("cycle"), 6), play(engine, 4)) == []


@pytest.mark.parametrize(("seconds", "share"), [(0.96, "96%"), (1.0, "100%"), (1.234, "123%")])
def test_a_tier_that_does_not_pay_is_not_taken(gate, seconds, share):
    engine = make_engine("vanilla")
    gate.found = {"seconds": seconds}
    chosen = choose(engine, "auto")
    assert chosen.tier == engine.tier.name == "eager"
    assert chosen.reasons["compile"] == f"takes {share} of the time of eager"


def test_a_tier_that_was_asked_for_need_not_pay(gate):
    engine = make_engine("vanilla")
    gate.found = {"seconds": 3.0}
    assert choose(engine, "compile").tier == engine.tier.name == "compile"


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"error": 0.3}, "0.3 of an update from the reference, beyond the 0.05 allowed"),
        ({"error": float("inf"), "unequal": "rng/turns"}, "rng/turns is not the reference's"),
    ],
)
def test_a_tier_that_is_not_right_is_not_taken_or_refused(gate, found, reason):
    engine = make_engine("vanilla")
    gate.found = found
    chosen = choose(engine, "auto")
    assert chosen.tier == engine.tier.name == "eager"
    assert chosen.reasons["compile"] == reason
    with pytest.raises(ContractError, match="--engine compile: ") as caught:
        choose(engine, "compile")
    assert reason in str(caught.value)
    assert "--engine eager" in str(caught.value)
    assert isinstance(engine.tier, Eager)


@pytest.mark.parametrize("error", [RuntimeError("no compiler\nand a long trace"), ContractError("a bad step")])
def test_whatever_a_compiler_raises_is_a_reason_and_leaves_no_trace(monkeypatch, error):
    def compiler(module):
        raise error

    monkeypatch.setattr(choice, "Compiled", lambda cycle: Compiled(cycle, compiler))
    engine = make_engine("cycle")
    chosen = unchanged(engine, lambda: choose(engine, "auto"))
    assert chosen.tier == engine.tier.name == "eager"
    reason = "a bad step" if isinstance(error, ContractError) else "RuntimeError: no compiler"
    assert chosen.reasons["compile"] == reason
    with pytest.raises(ContractError, match=f"--engine compile: {reason}"):
        unchanged(engine, lambda: choose(engine, "compile"))


def test_an_interruption_is_not_a_reason(monkeypatch):
    def compiler(module):
        raise KeyboardInterrupt

    monkeypatch.setattr(choice, "Compiled", lambda cycle: Compiled(cycle, compiler))
    engine = make_engine("vanilla")
    with pytest.raises(KeyboardInterrupt):
        unchanged(engine, lambda: choose(engine, "auto"))
    assert isinstance(engine.tier, Eager)


class Late(GAN):
    """Another plan in every iteration from the 20th on; what its loss does there can be set."""

    def __init__(self, late):
        super().__init__(TinyGenerator(), TinyDiscriminator(), Logistic(), games.OPTIONS)
        self.late = late

    def players(self):
        d, g = super().players()
        return (d, g, replace(d, name="late", loss=self.late_terms, optimizer="d"))

    def late_terms(self, turn):
        return {"late": self.late(self.scores(turn.batch["images"], None).mean())}

    def rounds(self, iteration):
        return (("d", "g"),) if iteration < 20 else (("d", "g"), ("late",))


class CountsInPython:
    """A factor that moves each time, and stands still in a recording."""

    def __init__(self):
        self.calls = 0

    def __call__(self, score):
        self.calls += 1
        return score * self.calls


@pytest.mark.parametrize(
    ("late", "reason"),
    [
        (lambda score: score * score.item(), "hands a value of a tensor to Python"),
        (CountsInPython(), "update from the reference"),
    ],
)
def test_plans_that_come_up_later_pass_the_gate_or_run_eagerly(as_on_cuda, caplog, late, reason):
    engine = make_engine(Late(late))
    assert choose(engine, "graph").tier == "graph"
    play(engine, 20)
    assert caplog.text == ""
    assert engine.inspect is not None
    play(engine, 12)
    assert engine.iteration == 32
    assert "run eagerly from here on, not as graph: " in caplog.text
    assert reason in caplog.text


def test_plans_that_come_up_later_and_are_right_are_played_by_the_tier(as_on_cuda, caplog):
    engine, reference = (make_engine(Late(lambda score: score)) for _ in range(2))
    assert choose(engine, "graph").tier == "graph"
    assert differences(play(reference, 32), play(engine, 32)) == []
    assert caplog.text == ""
    assert all(("late",) in plans[-1] or plans[0] == (("d", "g"),) for plans in engine.tier._made)
    assert any(plans[-1][-1] == ("late",) for plans in engine.tier._made)


@pytest.mark.parametrize("name", ["graph", "graph+compile"])
def test_a_tier_that_the_device_lacks_is_refused_with_those_that_it_has(name):
    with pytest.raises(ConfigError) as caught:
        choose(make_engine("vanilla"), name)
    assert str(caught.value).startswith(f"--engine {name} needs CUDA; this run is on cpu")
    assert caught.value.choices == ("auto", "eager", "compile")


def test_on_mps_everything_is_eager():
    engine = make_engine("vanilla")
    engine.device = torch.device("mps")
    chosen = choose(engine, "auto", expected=lambda share: 1 / 0)
    assert chosen.tier == "eager"
    assert chosen.reasons == {
        "graph+compile": "needs CUDA",
        "graph": "needs CUDA",
        "compile": "is not built for MPS",
    }
    with pytest.raises(ConfigError, match="--engine compile is not built for MPS; this run is on mps") as caught:
        choose(engine, "compile")
    assert caught.value.choices == ("auto", "eager")


@pytest.mark.parametrize(
    ("found", "tier", "reasons", "examined"),
    [
        ({"graph": 0.5, "graph+compile": 0.3}, "graph+compile", {}, ["graph", "graph+compile"]),
        (
            {"graph": 0.5, "graph+compile": 0.49},
            "graph",
            {"graph+compile": "takes 98% of the time of graph"},
            ["graph", "graph+compile"],
        ),
        ({"graph": 0.99, "graph+compile": 0.6}, "graph+compile", {}, ["graph", "graph+compile"]),
        (
            {"graph": 1.0, "graph+compile": 1.5, "compile": 0.8},
            "compile",
            {"graph+compile": "takes 150% of the time of eager", "graph": "takes 100% of the time of eager"},
            ["graph", "graph+compile", "compile"],
        ),
    ],
)
def test_on_cuda_each_tier_has_to_beat_what_it_would_replace(gate, as_on_cuda, found, tier, reasons, examined):
    engine = make_engine("vanilla")
    gate.found_of = {name: {"seconds": seconds} for name, seconds in found.items()}
    chosen = unchanged(engine, lambda: choose(engine, "auto"))
    assert chosen.tier == engine.tier.name == tier
    assert chosen.reasons == reasons
    assert gate.examined == examined
    assert chosen.parity.seconds == found[tier]


def test_on_cuda_nothing_is_compiled_for_a_run_that_the_graph_makes_short(gate, as_on_cuda):
    engine = make_engine("vanilla")
    gate.found = {"seconds": 0.1}
    chosen = choose(engine, "auto", expected=lambda share: 5000.0 * share)
    assert chosen.tier == engine.tier.name == "graph"
    assert chosen.reasons == {"graph+compile": "the run is short, about 500 s"}
    assert gate.examined == ["graph"]


def test_on_cuda_a_graph_that_is_not_right_leaves_the_place_to_what_is(gate, as_on_cuda):
    engine = make_engine("vanilla")
    gate.found_of = {"graph": {"error": 0.3}, "graph+compile": {"error": 0.4}, "compile": {"error": 0.01}}
    chosen = choose(engine, "auto")
    assert chosen.tier == engine.tier.name == "compile"
    assert list(chosen.reasons) == ["graph+compile", "graph"]
    assert chosen.reasons["graph"] == "0.3 of an update from the reference, beyond the 0.05 allowed"


@pytest.mark.parametrize("asked", ["graph", "auto"])
def test_a_graph_passes_the_real_gate_to_the_bit(as_on_cuda, monkeypatch, asked):
    monkeypatch.setattr(choice, "_GAIN", 1e9)  # a tape makes nothing faster
    engine = make_engine("vanilla")
    chosen = unchanged(engine, lambda: choose(engine, asked, expected=lambda share: 0.0))
    assert chosen.tier == engine.tier.name == "graph"
    assert chosen.parity.exact
    assert engine.tier.span == choice.SPAN
    assert chosen.reasons == ({} if asked == "graph" else {"graph+compile": "the run is short, about 0 s"})
    assert differences(play(make_engine("vanilla"), 12), play(engine, 10)) == []


def test_both_together_pass_it_too(as_on_cuda, monkeypatch):
    monkeypatch.setattr(choice, "CompiledGraph", partial(CompiledGraph, fuse=lambda module: module))
    engine = make_engine("critic")
    chosen = unchanged(engine, lambda: choose(engine, "graph+compile"))
    assert chosen.tier == engine.tier.name == "graph+compile"
    assert chosen.parity.exact
    assert differences(play(make_engine("critic"), 5), play(engine, 3)) == []


@pytest.mark.parametrize("asked", ["compile", "graph", "graph+compile"])
@pytest.mark.parametrize("ask", sorted(ASKING))
def test_a_game_that_asks_the_device_is_refused_with_its_line(as_on_cuda, ask, asked):
    engine = make_engine(asking(ask))
    with pytest.raises(ContractError) as caught:
        unchanged(engine, lambda: choose(engine, asked))
    assert f"--engine {asked}: the step asks the device for a value at " in str(caught.value)
    assert "toys/faulty.py:" in str(caught.value).replace("\\", "/")
    assert "--engine eager" in str(caught.value)
    assert isinstance(engine.tier, Eager)


@pytest.mark.parametrize("ask", ["item", "if", "mask"])
def test_left_to_itself_it_runs_eagerly_and_says_so(as_on_cuda, ask):
    engine = make_engine(asking(ask))
    chosen = unchanged(engine, lambda: choose(engine, "auto"))
    assert chosen.tier == engine.tier.name == "eager"
    for name in ("graph", "compile"):
        assert chosen.reasons[name].startswith("the step asks the device for a value at ")
        assert "faulty.py:" in chosen.reasons[name]
    json.dumps(chosen.as_dict())


def test_a_line_of_a_plan_that_comes_later_is_found(as_on_cuda):
    class Late(CycleGame):
        def rounds(self, iteration):
            return (("g", "d_a", "d_b"),) if iteration != 5 else (("d_a",),)

        def critic_terms(self, turn, domain):
            terms = super().critic_terms(turn, domain)
            if turn.players == ("d_a",):
                terms["real"] = terms["real"] * terms["real"].item()
            return terms

    with pytest.raises(ContractError, match=r"test_choice\.py:\d+: terms\[.real.\] = "):
        choose(make_engine(Late()), "graph")


@pytest.mark.parametrize("name", sorted(STATEFUL))
def test_a_game_with_state_outside_of_tensors_is_neither_captured_nor_compiled(as_on_cuda, name):
    torch.manual_seed(0)
    engine = make_engine(STATEFUL[name]())
    chosen = unchanged(engine, lambda: choose(engine, "auto"))
    assert chosen.tier == engine.tier.name == "eager"
    for tier in ("graph", "compile"):
        assert chosen.reasons[tier].startswith("the step changes between iterations, from ")
        with pytest.raises(ContractError, match=f"--engine {tier}: the step changes between iterations, from "):
            unchanged(engine, lambda tier=tier: choose(engine, tier))


def test_what_a_batcher_does_on_the_host_is_no_fault_of_the_step(as_it_is):
    images = ImageSet(torch.randint(256, (24, 1, 4, 4), dtype=torch.uint8))
    info = DataInfo(name="toy", channels=1, height=4, width=4, sizes=(("train", 24),))
    with StreamBatcher(
        {"images": images}, info=info, batch_size=4, seed=0, device=torch.device("cpu"), workers=0
    ) as batcher:
        chosen = choose(make_engine("vanilla", batcher=batcher), "compile")
    assert chosen.tier == "compile"
    assert chosen.parity.exact


def test_every_tier_has_a_name_and_is_made():
    engine = make_engine("vanilla")
    assert [choice.make_tier(engine, name).name for name in TIERS] == list(TIERS)
