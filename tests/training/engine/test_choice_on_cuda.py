"""The same where there are graphs, for which a tape stands in; tests/cuda has the real ones."""

import json
from dataclasses import replace
from functools import partial

import pytest
import torch
from toys import games
from toys.choosing import unchanged
from toys.faulty import ASKING, STATEFUL, asking
from toys.losses import Logistic
from toys.networks import TinyDiscriminator, TinyGenerator
from toys.playing import differences, make_engine, play
from toys.translation import CycleGame

from ganzoo.errors import ContractError
from ganzoo.game import GAN
from ganzoo.training.engine import choice
from ganzoo.training.engine.choice import choose
from ganzoo.training.engine.tiers import CompiledGraph, Eager


class Late(GAN):
    """Another plan in every iteration from the 20th on; what its loss does there can be set."""

    def __init__(self, late):
        torch.manual_seed(0)
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

    with pytest.raises(ContractError, match=r"test_choice_on_cuda\.py:\d+: terms\[.real.\] = "):
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
