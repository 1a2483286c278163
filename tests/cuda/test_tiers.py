"""Every tier on the GPU computes what the reference computes, for every installed variant."""

from __future__ import annotations

import pytest
import torch
from toys.moving import MOVING
from toys.on_gpu import VARIANTS

from ganzoo.errors import ContractError
from ganzoo.training.engine.choice import choose, make_tier
from ganzoo.training.engine.parity import examine
from ganzoo.training.engine.snapshot import Snapshot


@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_graph_is_the_reference_to_the_bit(session, variant, precision, deterministic):
    engine = session(variant, precision=precision).engine
    parity = examine(engine, make_tier(engine, "graph"))
    assert parity.exact, parity.describe()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_graph_passes_the_gate_with_kernels_that_add_in_any_order(session, variant, precision):
    engine = session(variant, precision=precision).engine
    chosen = choose(engine, "graph")
    assert chosen.parity.passed
    assert engine.tier.name == "graph"


@pytest.mark.slow
@pytest.mark.parametrize("tier", ["compile", "graph+compile"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_compiled_step_passes_the_gate(session, variant, tier):
    options = {"n_critic": 2} if variant == "wgan-gp" else {}  # each round is compiled
    engine = session(variant, options).engine
    assert choose(engine, tier).parity.passed


@pytest.mark.parametrize("case", MOVING)
def test_a_graph_sees_what_moves_with_the_step(session, case, deterministic):
    variant, options, training = MOVING[case]
    engine = session(variant, options, **training).engine
    parity = examine(engine, make_tier(engine, "graph"), 16)
    assert parity.exact, parity.describe()


def test_replays_draw_fresh_numbers_and_move_the_random_stream(session):
    engine = session("vanilla").engine
    engine.tier = make_tier(engine, "graph")
    seen, states = [], []
    for _ in range(3):
        engine.iterate(8)
        engine.iterate(8)
        torch.cuda.synchronize()
        states.append(engine.rng.get_state())
        seen.append(torch.rand(4, generator=engine.rng, device=engine.device))
    assert not torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[1], seen[2])
    assert len({bytes(state.numpy().tobytes()) for state in states}) == 3


def test_choosing_leaves_the_state_as_it_was(session, deterministic):
    engine = session("wgan-gp", {"n_critic": 2}).engine
    before = Snapshot(engine)
    chosen = choose(engine, "auto", expected=lambda share: 1.0)
    after = Snapshot(engine)
    assert chosen.tier == "graph", chosen.describe()
    assert all(torch.equal(tensor, after.flat()[name]) for name, tensor in before.flat().items())
    assert before.values == after.values


def test_a_step_that_asks_for_a_value_is_told_with_its_line(session, monkeypatch):
    made = session("vanilla")
    game = made.engine.game
    plain = game.discriminator_terms

    def asking(turn):
        terms = plain(turn)
        if terms["real"].item() > 1e9:
            raise AssertionError
        return terms

    monkeypatch.setattr(game, "discriminator_terms", asking)
    engine = type(made.engine)(game, made.batcher, seed=0, device=made.device)
    with pytest.raises(ContractError, match=r"asks the device for a value at .*item\(\) > 1e9"):
        choose(engine, "graph")
    assert choose(engine, "auto", expected=lambda share: 1.0).tier == "eager"


def test_a_capture_that_fails_leaves_the_engine_in_order(session, deterministic):
    engine = session("vanilla").engine
    tier = make_tier(engine, "graph")
    play = engine.cycle.play

    def failing(plan):
        play(plan)
        if torch.cuda.is_current_stream_capturing():
            raise RuntimeError("in the middle of a capture")

    stream = torch.cuda.current_stream()
    before = Snapshot(engine)
    engine.cycle.play = failing
    with pytest.raises(RuntimeError, match="in the middle"):
        examine(engine, tier)
    engine.cycle.play = play
    assert torch.cuda.current_stream() == stream
    assert all(torch.equal(tensor, Snapshot(engine).flat()[name]) for name, tensor in before.flat().items())
    assert examine(engine, make_tier(engine, "graph")).exact
