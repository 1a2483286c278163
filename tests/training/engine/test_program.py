"""A tape cut into stretches, each of which may be compiled, computes what the eager iteration does."""

import gc
from functools import cache

import pytest
import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from toys import games
from toys.losses import Logistic
from toys.networks import LATENT, TinyDiscriminator, TinyGenerator
from toys.playing import differences, make_engine, play

from ganzoo.game import GAN
from ganzoo.training.engine.program import Program
from ganzoo.training.engine.tape import key_of, record, tensors_in
from ganzoo.training.engine.tiers import Compiled

ITERATIONS = 6  # past every change of plan of the toys


def as_it_is(module):
    return module


@cache
def eagerly(name, precision):
    return play(make_engine(name, precision=precision), ITERATIONS)


def programmed(engine, iterations=ITERATIONS):
    return play(engine, iterations, Compiled(engine.cycle, as_it_is))


def programs_of(engine, fuse=as_it_is):
    """The program of the next iteration of ``engine``, which stays where it is."""
    (plan,) = plans = engine.get_ready()
    engine.prepare(plans)
    return Program(record(lambda: engine.cycle.play(plan)), fuse)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", sorted(games.GAMES))
def test_a_program_is_the_eager_iteration_to_the_bit(name, precision):
    assert differences(eagerly(name, precision), programmed(make_engine(name, precision=precision))) == []


class DrawingGame(GAN):
    """Draws from both random streams in every way that there is: before, between and from what is computed."""

    noise: torch.Tensor

    def __init__(self):
        discriminator = TinyDiscriminator()
        discriminator.body.append(nn.Dropout(0.3))
        super().__init__(TinyGenerator(), discriminator, Logistic(), games.OPTIONS)
        self.register_buffer("noise", torch.zeros(4))
        self.register_buffer("spread", torch.ones(4))

    def generator_terms(self, turn):
        (first, *_), rng = self.generator.parameters(), turn.rng
        scores = self.scores(self.fake(turn, "g"), None)
        terms = self.loss.generator(scores)
        kept = torch.bernoulli(scores.detach().sigmoid(), generator=rng)  # depends on a score
        moved = torch.normal(first.detach(), 1.0, generator=rng)  # on a weight that an optimizer moves
        wide = torch.normal(0.0, self.spread, generator=rng)  # on a buffer that is changed through a view
        late = torch.rand(4, generator=rng)  # on nothing
        return terms | {
            "kept": (scores * kept).mean(),
            "moved": (first * moved).mean() / 10,
            "noise": (scores * (self.noise + wide + late)).mean() / 10,
        }

    def after_update(self, player, terms, turn):
        super().after_update(player, terms, turn)
        if player == "d":
            self.spread[:2] += 0.1 + terms["real"]
        else:
            self.noise.normal_(generator=turn.rng)  # over what the loss has read


class RefillingGenerator(TinyGenerator):
    """Fills one piece of memory with random numbers twice, and reads it both times."""

    def sample_latent(self, n, rng, *, device):
        memory = torch.empty(n, LATENT, device=device)
        first = memory.uniform_(generator=rng) * 2
        return first + memory.normal_(generator=rng)


def drawing():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return DrawingGame()


def refilling():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return GAN(RefillingGenerator(), TinyDiscriminator(), Logistic(), games.OPTIONS)


@pytest.mark.parametrize("game", [drawing, refilling])
def test_random_numbers_are_drawn_in_their_order_and_where_they_stand(game):
    assert differences(play(make_engine(game()), 4), programmed(make_engine(game()), 4)) == []


def test_a_draw_over_memory_that_was_read_is_not_made_beforehand():
    memory, rng = torch.zeros(3), torch.Generator().manual_seed(0)
    seen = torch.zeros(3)

    def body():
        seen.add_(memory)
        memory.normal_(generator=rng)

    program = Program(record(body), as_it_is)
    drawn = memory.clone()
    program.play()
    assert torch.equal(seen, drawn)


def test_a_draw_that_reads_what_an_optimizer_moved_is_not_made_beforehand():
    weight, rng = torch.zeros(3, requires_grad=True), torch.Generator()
    optimizer = torch.optim.SGD([weight], lr=1.0, fused=True)
    weight.grad = torch.full((3,), -100.0)
    result = torch.zeros(3)

    def body():
        optimizer.step()
        with torch.no_grad():
            result.copy_(torch.normal(weight, 1.0, generator=rng))

    program = Program(record(body), as_it_is)
    program.play()
    assert weight.tolist() == [200, 200, 200]
    assert (result > 150).all()


class Counter:
    """A compiler that notes what it is given."""

    def __init__(self):
        self.modules = []

    def __call__(self, module):
        self.modules.append(module)
        return module

    def targets(self):
        """The operators of each stretch."""
        return [[node.target for node in module.graph.nodes if node.op == "call_function"] for module in self.modules]


def test_stretches_end_at_optimizers_and_draws_that_need_nothing_come_first():
    fuse = Counter()
    program = programs_of(make_engine("vanilla"), fuse)
    sizes = [stretch.size for stretch in program.stretches]
    # the latents; D's loss; its Adam; G's loss; its Adam; average and meter
    assert [size == 1 for size in sizes] == [True, False, True, False, True, False]
    assert len(fuse.modules) == 3


def test_no_stretch_holds_a_draw_or_a_fused_optimizer():
    fuse = Counter()
    programs_of(make_engine(drawing()), fuse)
    names = [str(target) for targets in fuse.targets() for target in targets]
    assert len(names) > 100
    assert not [name for name in names if "fused" in name]
    operators = [target for targets in fuse.targets() for target in targets if hasattr(target, "tags")]
    assert not [target for target in operators if torch.Tag.nondeterministic_seeded in target.tags]


def test_draws_that_need_something_split_a_stretch_and_those_after_them_stay_behind():
    rng = torch.Generator()
    given, results = torch.ones(2), torch.zeros(4, 2)

    def body():
        results[0] = torch.randn(2, generator=rng) * given
        results[1] = torch.rand(2, generator=rng) * given
        results[2] = torch.normal(results[1] * 1, 1.0, generator=rng) * given
        results[3] = torch.randn(2, generator=rng) * given

    rng.manual_seed(3)
    program = Program(record(body), as_it_is)
    expected = results.clone()
    assert [stretch.size == 1 for stretch in program.stretches] == [True, True, False, True, False, True, False]
    results.zero_()
    rng.manual_seed(3)
    program.play()
    assert torch.equal(results, expected)


@pytest.mark.parametrize("name", ["vanilla", "critic", "cycle"])
def test_a_program_holds_on_to_nothing_but_state(name):
    engine = make_engine(name)
    play(engine, 1)  # so that what lasts exists
    (plan,) = plans = engine.get_ready()
    engine.prepare(plans)
    tape = record(lambda: engine.cycle.play(plan))
    made = {
        key_of(tensor)[0]: StorageWeakRef(tensor.untyped_storage())
        for operation in tape.operations
        for tensor, fresh in zip(operation.outputs, operation.fresh, strict=True)
        if fresh
    }
    random = torch.Tag.nondeterministic_seeded
    drawn = [operation for operation in tape.operations if random in operation.function.tags]
    filled = {key_of(tensor)[0] for operation in drawn for tensor in operation.inputs}
    program = Program(tape, as_it_is)
    del tape, drawn
    for parameter in engine.game.parameters():
        parameter.grad = None
    gc.collect()
    alive = {storage for storage, reference in made.items() if not reference.expired()}
    assert len(made) > 50
    assert alive <= filled  # the memory that a draw fills is filled anew each time
    program.play()
    assert len(tensors_in(list(program.__dict__.values()))) == len(program._state)


def test_what_nobody_reads_any_more_is_let_go_in_the_middle_of_a_play():
    weight = torch.ones(64, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1, fused=True)
    held = []

    def body():
        for _ in range(3):
            weight.grad = None
            (weight * weight).sum().backward()
            optimizer.step()

    def fuse(module):
        def run(*given):
            gc.collect()
            held.append(sum(not reference.expired() for reference in results))
            made = module(*given)
            results.extend(StorageWeakRef(tensor.untyped_storage()) for tensor in made)
            return made

        return run

    results = []
    program = Program(record(body), fuse)
    program.play()
    assert held == [0, 0, 0]
    assert len(results) == 3  # a gradient each
