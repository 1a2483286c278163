"""The contract carries more than two-player games: each shape is played, and what is its own is checked."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor
from toys import (
    GAMES,
    CodeGenerator,
    CycleGame,
    ImagePool,
    PlainEngine,
    ToyBatcher,
    build,
)

from ganzoo.errors import ConfigError
from ganzoo.game import Batch, Game, Turn
from ganzoo.training.engine import Engine

every_game = pytest.mark.parametrize("name", GAMES)


def play(game: Game, iterations: int, *, seed: int = 0) -> list[dict[str, Tensor]]:
    engine = PlainEngine(game, ToyBatcher(game.needs), seed=seed)
    return [engine.iterate() for _ in range(iterations)]


def same(one: Game, two: Game) -> bool:
    states = (game.state_dict() for game in (one, two))
    return all(torch.equal(a, b) for a, b in zip(*(state.values() for state in states), strict=True))


@every_game
def test_every_player_moves_and_every_term_is_finite(name: str) -> None:
    game = build(name)
    before = {player.name: [weight.clone() for weight in player.params] for player in game.players()}
    logged: set[str] = set()
    for terms in play(game, 8):
        assert all(bool(term.isfinite()) and term.ndim == 0 for term in terms.values()), terms
        logged |= terms.keys()
    for player in game.players():
        assert any(not torch.equal(old, new) for old, new in zip(before[player.name], player.params, strict=True))
        assert any(term.startswith(f"{player.name}/") for term in logged)


@every_game
def test_one_seed_gives_one_result(name: str) -> None:
    one, two, other = build(name), build(name), build(name)
    for game, seed in ((one, 1), (two, 1), (other, 2)):
        torch.manual_seed(seed + 100)  # the global generator must not matter
        play(game, 5, seed=seed)
    assert same(one, two)
    assert not same(one, other) or name == "cycle"


@every_game
def test_the_eager_engine_plays_as_the_contract_says(name: str) -> None:
    ours, plain = build(name), build(name)
    engine = Engine(ours, ToyBatcher(ours.needs), seed=0, device=torch.device("cpu"))
    reference = PlainEngine(plain, ToyBatcher(plain.needs))
    reference.rng.set_state(engine.rng.get_state())
    for _ in range(6):
        engine.iterate()
        reference.iterate()
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[key], value, rtol=1e-4, atol=1e-6, msg=f"{key} differs")


@every_game
def test_losses_are_pure(name: str) -> None:
    """Asked twice with the same randomness, a loss answers alike, and no buffer of its own moves."""
    game = build(name)
    play(game, 3)
    state = copy.deepcopy(game.state_dict())
    for player in game.players():
        batcher = ToyBatcher(game.needs)
        first, again = (play_once(game, player.name, batcher) for _ in range(2))
        assert first == pytest.approx(again)
    assert all(torch.equal(state[key], value) for key, value in game.state_dict().items())


def play_once(game: Game, name: str, batcher: ToyBatcher) -> dict[str, float]:
    """The terms of player ``name`` on the first batch, without an update."""
    batcher.restore(0)
    turn = Turn(batcher.draw(), torch.Generator().manual_seed(5), torch.tensor(3), (name,))
    loss = next(player.loss for player in game.players() if player.name == name)
    return {term: float(value.detach()) for term, value in loss(turn).items()}


@every_game
def test_rounds_are_pure_hashable_and_name_players(name: str) -> None:
    game = build(name)
    names = {player.name for player in game.players()}
    plans = [game.rounds(iteration) for iteration in range(40)]
    assert plans == [game.rounds(iteration) for iteration in range(40)]
    assert len(set(plans)) <= 2
    assert {player for plan in plans for turn in plan for player in turn} <= names


@every_game
def test_the_exported_part_alone_generates_images(name: str, rng: torch.Generator) -> None:
    game = build(name)
    given = Batch(a=torch.zeros(5, 1, 4, 4)) if name == "cycle" else None
    request = game.request(5, rng, given)
    exported = copy.deepcopy(game.exported())
    images = game.generate(exported, request, rng)
    assert images.shape == (5, 1, 4, 4)
    assert images.abs().max() <= 1
    assert exported.training


class TestCycle:
    def test_four_networks_move_three_players(self) -> None:
        game = build("cycle")
        shares = {player.name: sum(weight.numel() for weight in player.params) for player in game.players()}
        assert list(shares) == ["g", "d_a", "d_b"]
        assert sum(shares.values()) == sum(weight.numel() for weight in game.parameters())

    def test_fakes_are_made_once_for_all_three(self) -> None:
        game = build("cycle")
        assert isinstance(game, CycleGame)
        calls: list[int] = []
        game.translators["a"].register_forward_hook(lambda *_: calls.append(1))
        play(game, 1)
        assert len(calls) == 3  # a fake, the way back of the other domain's fake, the identity

    def test_it_learns_to_come_back(self) -> None:
        game = build("cycle")
        terms = play(game, 40)
        assert terms[-1]["g/cycle_a"] < 0.7 * terms[0]["g/cycle_a"]

    def test_the_pool_fills_then_stays_full(self) -> None:
        game = build("cycle")
        assert isinstance(game, CycleGame)
        engine = PlainEngine(game, ToyBatcher(game.needs))
        filled = []
        for _ in range(4):
            engine.iterate()
            filled.append(int(game.pools["a"].filled))  # type: ignore[arg-type]
        assert filled == [4, 8, 8, 8]

    def test_a_translation_needs_images(self, rng: torch.Generator) -> None:
        with pytest.raises(ConfigError, match="starts from images"):
            build("cycle").request(4, rng)


class TestImagePool:
    @staticmethod
    def constant(value: float, n: int = 2) -> Tensor:
        return torch.full((n, 1, 4, 4), value)

    def full(self, rng: torch.Generator) -> ImagePool:
        pool = ImagePool(8)
        for value in range(4):
            shown, slots, kept = pool.read(self.constant(value), rng)
            assert torch.equal(shown, self.constant(value))  # while it fills, D sees the new ones
            pool.write(slots, kept)
        return pool

    def test_it_fills_in_order(self, rng: torch.Generator) -> None:
        assert self.full(rng).images[:, 0, 0, 0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]

    def test_reading_moves_nothing(self, rng: torch.Generator) -> None:
        pool = self.full(rng)
        before = pool.images.clone()
        pool.read(self.constant(9), rng)
        assert torch.equal(pool.images, before)

    def test_an_image_is_either_shown_or_stored_in_place_of_the_one_shown(self, rng: torch.Generator) -> None:
        pool = self.full(rng)
        swapped = 0
        for value in range(10, 210):
            before = pool.images.clone()
            shown, slots, kept = pool.read(self.constant(value), rng)
            pool.write(slots, kept)
            for row, slot in enumerate(slots.tolist()):
                if float(shown[row].mean()) == value:
                    assert torch.equal(pool.images[slot], before[slot])
                else:
                    swapped += 1
                    assert torch.equal(shown[row], before[slot])
                    assert float(pool.images[slot].mean()) == value
        assert 150 < swapped < 250  # half of 400


class TestConditional:
    def test_the_label_decides_what_is_generated(self, rng: torch.Generator) -> None:
        """Trained on blobs whose mean rises with the label, the generator learns that order."""
        game = build("conditional")
        play(game, 150)
        latent = torch.randn(1, 3, generator=rng).expand(300, 3)
        request = game.request(300, rng, Batch(latent=latent, labels=torch.arange(300) % 3))
        means = game.generate(game.exported(), request, rng).mean(dim=(1, 2, 3)).view(100, 3).mean(dim=0)
        assert means[0] < means[1] < means[2]


class TestAutoencoder:
    def test_one_player_learns_to_rebuild(self) -> None:
        terms = play(build("autoencoder"), 80)
        assert terms[-1]["vae/rebuild"] < 0.6 * terms[0]["vae/rebuild"]


class TestInfo:
    def test_the_posterior_learns_the_code(self) -> None:
        terms = play(build("info"), 80)
        assert terms[-1]["q/information"] < 0.5 < terms[0]["q/information"]

    def test_its_players_share_parameters(self) -> None:
        d, g, q = ({id(weight) for weight in player.params} for player in build("info").players())
        assert g < q
        assert d & q
        assert not d <= q

    def test_the_code_is_a_part_of_the_latent(self, rng: torch.Generator) -> None:
        latent = CodeGenerator().sample_latent(50, rng, device="cpu")
        assert torch.equal(latent[:, :3].sum(dim=1), torch.ones(50))
        assert len(latent[:, :3].argmax(dim=1).unique()) == 3


class TestAuxiliary:
    def test_classes_of_real_and_fake_images_are_learned(self) -> None:
        terms = play(build("auxiliary"), 100)
        assert terms[-1]["d/class_real"] < 0.9 * terms[0]["d/class_real"]
        assert terms[-1]["g/class"] < 0.9 * terms[0]["g/class"]


class TestClipped:
    def test_the_plan_depends_on_the_iteration(self) -> None:
        game = build("clipped")
        assert [len(game.rounds(iteration)) for iteration in range(7)] == [7, 7, 3, 3, 3, 7, 3]

    def test_every_critic_round_draws_a_batch(self) -> None:
        game = build("clipped")
        batcher = ToyBatcher(game.needs)
        engine = PlainEngine(game, batcher)
        for _ in range(3):
            engine.iterate()
        assert batcher.drawn == 4 * (7 + 7 + 3)

    def test_weights_stay_within_the_bound(self) -> None:
        game = build("clipped")
        play(game, 5)
        (d, _) = game.players()
        assert all(float(weight.detach().abs().max()) <= 0.05 + 1e-7 for weight in d.params)


class TestLazy:
    def test_the_penalty_moves_d_through_ds_own_optimizer(self) -> None:
        game = build("lazy")
        engine = PlainEngine(game, ToyBatcher(game.needs))
        assert set(engine.optimizers) == {"d", "g"}
        logged = [engine.iterate() for _ in range(5)]
        assert ["r1/r1" in terms for terms in logged] == [True, False, False, False, True]
        weight = engine.players["d"].params[0]
        assert int(engine.optimizers["d"].state[weight]["step"]) == 7  # five of d and two of r1


class TestEnergy:
    def test_k_and_the_learning_rate_move_between_the_updates_only(self) -> None:
        game = build("energy")
        engine = Engine(game, ToyBatcher(game.needs), seed=0, device=torch.device("cpu"))
        for _ in range(3):
            engine.iterate()
        assert 0 < float(game.loss.k) < 1  # type: ignore[union-attr, arg-type]
        assert float(engine.optimizers["d"].inner.param_groups[0]["lr"]) == pytest.approx(1e-2 * 0.99**2)


class TestGrowing:
    def test_the_stage_chooses_the_players_and_the_fade_follows_the_step(self) -> None:
        game = build("growing")
        engine = PlainEngine(game, ToyBatcher(game.needs))
        fades = []
        for _ in range(9):
            engine.iterate()
            fades.append(float(game.generator.fade))  # type: ignore[union-attr, arg-type]
        assert fades == [0, 0, 0, 0, 0.25, 0.5, 0.75, 1, 1]

    def test_each_stage_has_an_optimizer_of_its_own(self) -> None:
        game = build("growing")
        engine = PlainEngine(game, ToyBatcher(game.needs))
        for _ in range(5):
            engine.iterate()
        steps = {name: int(next(iter(each.state.values()))["step"]) for name, each in engine.optimizers.items()}
        assert steps == {"d_coarse": 4, "g_coarse": 4, "d": 1, "g": 1}


class TestOrthogonal:
    def test_a_term_on_the_weights_makes_their_rows_orthogonal(self) -> None:
        terms = play(build("orthogonal"), 60)
        assert terms[-1]["g/orthogonal"] < 0.3 * terms[0]["g/orthogonal"]

    def test_latents_are_truncated_when_sampled_only(self, rng: torch.Generator) -> None:
        game = build("orthogonal")
        assert float(game.request(100, rng)["latent"].abs().max()) == 0.5
        assert float(game.generator.sample_latent(100, rng, device="cpu").abs().max()) > 1  # type: ignore[operator, union-attr]
