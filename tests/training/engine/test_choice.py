"""Which tier runs, why no higher one does, and that choosing leaves no trace."""

from types import SimpleNamespace

import pytest
import torch
from toys.choosing import parity_of, unchanged
from toys.playing import differences, make_engine, play

from ganzoo.data import DataInfo
from ganzoo.data.images import ImageSet
from ganzoo.data.streaming import StreamBatcher
from ganzoo.errors import ConfigError, ContractError
from ganzoo.training.engine import choice
from ganzoo.training.engine.choice import TIERS, choose
from ganzoo.training.engine.tiers import Compiled, Eager


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
