"""Tiers that compute something else than the reference, each in one way, and what the gate says of them."""

from ganzoo.training.engine.parity import examine
from ganzoo.training.engine.snapshot import Snapshot
from ganzoo.training.engine.tiers import Eager, Tier

from .playing import differences, make_engine, play


class Tampered(Tier):
    """The reference, with something done before and after each iteration."""

    name = "tampered"

    def __init__(self, engine):
        self.engine = engine

    def play(self, plans):
        for plan in plans:
            before = Snapshot(self.engine)
            self.before()
            self.engine.cycle.play(plan)
            self.after(before)

    def before(self):
        pass

    def after(self, before):
        pass


def stretched(factor, player="g"):
    """Moves the weights of ``player`` by ``factor`` times what the reference does."""

    class Stretched(Tampered):
        def after(self, before):
            names = {id(parameter): name for name, parameter in self.engine.game.named_parameters()}
            for parameter in self.engine.players[player].params:
                parameter.data.lerp_(before.tensors["model"][names[id(parameter)]], 1 - factor)

    return Stretched


class SkipsGenerator(Tampered):
    def play(self, plans):
        kept = self.engine.cycle.optimizers["g"]
        step, kept.step = kept.step, lambda step: {}
        try:
            super().play(plans)
        finally:
            kept.step = step


class DoublesRate(Tampered):
    def before(self):
        for optimizer in self.engine.optimizers.values():
            optimizer.inner.param_groups[0]["lr"] *= 2

    def after(self, before):
        for optimizer in self.engine.optimizers.values():
            optimizer.inner.param_groups[0]["lr"] /= 2


class StaleNoise(Tampered):
    """The stream moves on as it should, but the latents are those of the first iteration."""

    def __init__(self, engine):
        super().__init__(engine)
        self.latents = []

    def before(self):
        generator = self.engine.game.generator
        sample = generator.sample_latent

        def sample_once(n, rng, *, device):
            self.latents.append(sample(n, rng, device=device))
            return self.latents[0]

        generator.sample_latent = sample_once

    def after(self, before):
        del self.engine.game.generator.sample_latent


class FrozenStream(Tampered):
    def after(self, before):
        self.engine.rng.set_state(before.tensors["rng"]["turns"])


class ForgetsAverage(Tampered):
    def after(self, before):
        self.engine.ema.module.load_state_dict(before.tensors["exported"])


class ForgetsMoments(Tampered):
    def after(self, before):
        for name, value in self.engine.optimizers["d"].state().items():
            if name.endswith("exp_avg"):
                value.copy_(before.tensors["optimizers"][f"d.{name}"])


class ForgetsBuffer(Tampered):
    def after(self, before):
        self.engine.game.loss.k.copy_(before.tensors["model"]["loss.k"])


class ForgetsCount(Tampered):
    def after(self, before):
        batches = self.engine.game.discriminator.body[-1].num_batches_tracked
        batches.copy_(before.tensors["model"]["discriminator.body.3.num_batches_tracked"])


class LogsNothing(Tampered):
    def after(self, before):
        self.engine.meter.restore(before.values["meter"])


class LosesImages(Tampered):
    def after(self, before):
        self.engine.batcher._drawn += 4


class Spoils(Tampered):
    def after(self, before):
        next(self.engine.game.generator.parameters()).data.view(-1)[0] = float("nan")


def examined(make, *, engine=None, name="vanilla", iterations=4, **options):
    engine = engine or make_engine(name, **options)
    before = play(engine, 2)
    parity = examine(engine, make(engine), iterations)
    assert differences(before, Snapshot(engine)) == []
    assert isinstance(engine.tier, Eager)
    return parity
