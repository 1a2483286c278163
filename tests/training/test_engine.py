"""The eager engine against the contract played literally, and its state against an uninterrupted run."""

from dataclasses import replace

import pytest
import torch
from toys import games
from toys.data import ToyBatcher
from toys.engine import PlainEngine

from ganzoo.errors import ContractError, NonFiniteError
from ganzoo.game import Player
from ganzoo.options import OptimizerSpec
from ganzoo.training.checkpoint import load_checkpoint, save_checkpoint
from ganzoo.training.engine import Engine
from ganzoo.training.seeding import generator

CPU = torch.device("cpu")


def make(name, *, seed=0, ema=0.0, precision="fp32"):
    game = games.build(name, seed=seed).train()
    batcher = ToyBatcher(game.needs)
    return Engine(game, batcher, seed=seed, device=CPU, ema=ema, precision=precision)


def weights(engine):
    return {name: tensor.clone() for name, tensor in engine.game.state_dict().items()}


def assert_equal(left, right):
    assert left.keys() == right.keys()
    for name, tensor in left.items():
        assert torch.equal(tensor, right[name]), name


@pytest.mark.parametrize("name", sorted(games.GAMES))
def test_agrees_with_the_contract_played_literally(name):
    engine = make(name)
    plain = PlainEngine(games.build(name, seed=0).train(), ToyBatcher(engine.game.needs))
    plain.rng = generator(0, "turns")
    for _ in range(6):
        engine.iterate()
        plain.iterate()
    for key, tensor in plain.game.state_dict().items():
        assert torch.allclose(engine.game.state_dict()[key], tensor, rtol=1e-4, atol=1e-6), key


@pytest.mark.parametrize("name", sorted(games.GAMES))
def test_a_resumed_game_ends_bit_identical(name, tmp_path):
    whole = make(name, ema=0.9)
    for _ in range(7):
        whole.iterate()

    first = make(name, ema=0.9)
    for _ in range(3):
        first.iterate()
    folder = save_checkpoint(tmp_path, 3, first.tensors(), first.values())
    torch.manual_seed(99)
    second = make(name, seed=5, ema=0.9)
    second.restore(*load_checkpoint(folder))
    for _ in range(4):
        second.iterate()

    assert_equal(weights(whole), weights(second))
    assert_equal(whole.tensors()["optimizers"], second.tensors()["optimizers"])
    assert_equal(whole.tensors()["exported"], second.tensors()["exported"])
    assert_equal(whole.tensors()["rng"], second.tensors()["rng"])
    assert whole.values() == second.values()
    assert whole.meter.read() == second.meter.read()


def test_an_average_is_what_is_exported_and_lags_behind():
    engine = make("vanilla", ema=0.999)
    for _ in range(5):
        engine.iterate()
    assert engine.exported is not engine.game.exported()
    differences = [
        (average - now).abs().max().item()
        for average, now in zip(engine.exported.parameters(), engine.game.exported().parameters(), strict=True)
    ]
    assert 0 < max(differences) < 1


def test_bfloat16_runs_the_networks_low_and_keeps_weights_and_terms_high():
    engine = make("vanilla", precision="bf16")
    seen = []
    engine.game.discriminator.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    engine.iterate()
    assert set(seen) == {torch.bfloat16}
    assert {parameter.dtype for parameter in engine.game.parameters()} == {torch.float32}
    assert all(torch.isfinite(torch.tensor(value)) for value in engine.meter.read().values())


@pytest.mark.parametrize("player", ["d", "g"])
def test_a_loss_that_is_not_finite_is_named(player, monkeypatch):
    engine = make("vanilla")
    spoiled = engine.players[player]
    poison = torch.tensor(float("nan"))

    def loss(turn, loss=spoiled.loss):
        return {name: term + (poison if engine.iteration == 2 else 0) for name, term in loss(turn).items()}

    engine.players[player] = Player(**{**vars(spoiled), "loss": loss})
    for _ in range(5):
        engine.iterate()
    with pytest.raises(NonFiniteError, match=rf"of player '{player}' stopped being finite at step 2"):
        engine.meter.read()


def test_players_must_have_names_and_optimizers_of_their_own(monkeypatch):
    game = games.build("vanilla")
    d, g = game.players()
    monkeypatch.setattr(game, "players", lambda: [d, Player(**{**vars(g), "name": "d"})])
    with pytest.raises(ContractError, match="share a name"):
        Engine(game, ToyBatcher(), seed=0, device=CPU)
    monkeypatch.setattr(game, "players", lambda: [d, Player(**{**vars(g), "optimizer": "nobody"})])
    with pytest.raises(ContractError, match="'nobody'"):
        Engine(game, ToyBatcher(), seed=0, device=CPU)


def test_only_the_player_that_moves_gets_gradients():
    engine = make("vanilla")
    moved = []
    for name, player in list(engine.players.items()):

        def after(name=name):
            graded = {key for key, parameter in engine.game.named_parameters() if parameter.grad is not None}
            moved.append((name, graded))

        engine.players[name] = Player(**{**vars(player), "after": after})
    engine.iterate()
    (first, graded), _ = moved
    assert first == "d"
    assert graded
    assert all(key.startswith("discriminator.") for key in graded)


def test_a_player_that_shares_an_optimizer_moves_nothing_by_stale_gradients(monkeypatch):
    game = games.build("vanilla")
    d, g = game.players()
    part = Player(name="part", params=d.params[:1], loss=lambda turn: {"w": d.params[0].sum()}, optimizer="d")
    monkeypatch.setattr(game, "players", lambda: [d, g, part])
    monkeypatch.setattr(game, "rounds", lambda iteration: (("d",), ("part",)) if iteration == 0 else (("part",),))
    engine = Engine(game, ToyBatcher(), seed=0, device=CPU)
    engine.iterate()
    before = [parameter.clone() for parameter in d.params]
    engine.iterate()
    moved = [not torch.equal(parameter, old) for parameter, old in zip(d.params, before, strict=True)]
    assert moved == [True] + [False] * (len(moved) - 1)


def test_optimizer_specs_reach_the_optimizers():
    engine = make("vanilla")
    assert isinstance(engine.players["d"].optimizer, OptimizerSpec)
    assert engine.optimizers["d"].inner.param_groups[0]["lr"] == engine.players["d"].optimizer.lr


def test_goes_on_with_other_random_numbers_from_another_kind_of_device(caplog):
    """A GPU's random stream has 16 bytes of state, a processor's some thousand."""
    engine = make("vanilla")
    for _ in range(2):
        engine.iterate()
    tensors, values = engine.tensors(), engine.values()
    tensors["rng"]["turns"] = torch.zeros(16, dtype=torch.uint8)
    ours, again = make("vanilla", seed=5), make("vanilla", seed=5)
    for each in (ours, again):
        each.restore(tensors, values)
        each.iterate()
    assert ours.iteration == 3
    assert_equal(weights(ours), weights(again))
    assert "other random numbers" in caplog.text


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"params": lambda d: [*d.params, torch.nn.Parameter(torch.zeros(1))]}, "does not step on all of its"),
        ({"schedule": lambda d: lambda step: step}, "so its own schedule does nothing"),
        ({"lr_scale": lambda d: torch.tensor(0.5)}, "so its own lr_scale does nothing"),
    ],
)
def test_what_a_shared_optimizer_would_not_see_is_refused(more, problem):
    game = games.build("vanilla")
    d, g = game.players()
    sharer = replace(d, name="r1", optimizer="d", **{name: make_it(d) for name, make_it in more.items()})
    game.players = lambda: (d, sharer, g)
    with pytest.raises(ContractError, match=problem):
        Engine(game, ToyBatcher(game.needs), seed=0, device=CPU)
