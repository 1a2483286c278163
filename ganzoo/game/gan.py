"""The two-player game that most variants are: a generator, a discriminator, a loss, and perhaps penalties."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar

import torch
from torch import Tensor, nn

from ganzoo.errors import ConfigError, ContractError, IncompatiblePartsError
from ganzoo.options import GANOptions, ScheduleSpec

from .batch import Batch, Terms, Turn
from .compatibility import check_labels, check_parts
from .convolution import FastSecondDerivatives
from .game import DataNeeds, Game, Plan
from .loss import Loss, Penalty
from .networks import Discriminator, Generator, call_again
from .player import Player
from .schedule import multiplier


class GAN(Game):
    r"""Two players, Goodfellow et al. 2014, arXiv:1406.2661: ``d`` separates real from fake, ``g`` blurs the line.

    .. math:: \min_D L_D(D(x), D(G(z))) + \sum_i P_i, \qquad \min_G L_G(D(G(z)))

    Args:
        generator: G, latents (N, Z) to images (N, C, H, W).
        discriminator: D, images to scores (N,), higher for more real.
        loss: L_D and L_G.
        options: optimizers and instance noise.
        penalties: P_i, added to the discriminator's terms.
        n_critic: discriminator updates for each generator update, each on a batch of its own.
        share_fake: in the round of both players, one fake batch serves both updates, which spares a generator pass. It
            is not spared where an update averages several batches, so that memory holds the graph of one at a time.
        merge_passes: in its own update D sees real and fake images as one batch of twice the size, which takes half the
            launches and reads its weights once. Only for a D that does not mix the batch, whose scores it leaves as
            they are.
        penalty_schedule: how the weight of all penalties moves with the iteration.
        clip: bound c of weight clipping, every weight of D is clamped to [-c, c] after its update (WGAN,
            arXiv:1701.07875); None for no clipping.

    Raises:
        IncompatiblePartsError: the parts cannot work together; the message says why.

    A variant that needs more derives from this class: heads of its own (ACGAN, InfoGAN) or further terms (BigGAN's
    orthogonality) in :meth:`discriminator_terms` and :meth:`generator_terms`, built from :meth:`fake`, :meth:`noisy`
    and :meth:`scores`; further players in :meth:`players`; another :meth:`rounds`.
    """

    labels_in_both: ClassVar[bool] = True
    """Labels must reach both networks or neither. A game with a head that reads the labels itself says False."""

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        loss: Loss,
        options: GANOptions | None = None,
        *,
        penalties: Sequence[Penalty] = (),
        n_critic: int = 1,
        share_fake: bool = True,
        merge_passes: bool = False,
        penalty_schedule: ScheduleSpec | None = None,
        clip: float | None = None,
    ) -> None:
        super().__init__()
        if n_critic < 1:
            raise ConfigError(f"n_critic is {n_critic}; the discriminator needs at least one update an iteration")
        check_parts(discriminator, loss, penalties)
        if merge_passes and discriminator.mixes_batch:
            raise IncompatiblePartsError(
                f"{type(discriminator).__name__} mixes the batch, so real and fake images must pass it apart",
                fix="leave merge_passes out",
            )
        if self.labels_in_both:
            check_labels(generator, discriminator)
        self.generator = generator
        self.discriminator = discriminator
        self.loss = loss
        self.penalties = nn.ModuleList(penalties)
        self.options = options or GANOptions()
        self.n_critic = n_critic
        self.share_fake = share_fake
        self.merge_passes = merge_passes
        self.penalty_schedule = penalty_schedule or ScheduleSpec()
        self.clip = clip
        self.needs = DataNeeds(labels=generator.conditional or discriminator.conditional)

    def players(self) -> Sequence[Player]:
        """``d`` and ``g``."""
        return (
            Player(
                name="d",
                params=tuple(self.discriminator.parameters()),
                loss=self.discriminator_terms,
                optimizer=self.options.d_optimizer,
                lr_scale=self.loss.lr_scale,
                after=self._clip_weights if self.clip is not None else None,
            ),
            Player(
                name="g",
                params=tuple(self.generator.parameters()),
                loss=self.generator_terms,
                optimizer=self.options.g_optimizer,
                lr_scale=self.loss.lr_scale,
            ),
        )

    def rounds(self, iteration: int) -> Plan:
        """``n_critic`` rounds of the discriminator, each on a batch of its own; the generator joins the last one."""
        return (("d",),) * (self.n_critic - 1) + (("d", "g"),)

    def discriminator_terms(self, turn: Turn) -> Terms:
        """L_D and the penalties."""
        labels = turn.batch.get("labels")
        real = self.noisy(turn.batch["images"], turn).detach()
        fake = self.noisy(self.fake(turn, "d").detach(), turn)
        points = [penalty.points(real, fake, turn.rng) for penalty in self._penalties()]
        for at in points:
            at.requires_grad_()
        with self._differentiable_twice(real):
            real_scores, fake_scores = self._both_scores(real, fake, labels)
        with self._in_float32(real):
            terms = dict(self.loss.discriminator(real_scores, fake_scores))
        for penalty, at in zip(self._penalties(), points, strict=True):
            passed = real_scores if at is real else fake_scores if at is fake else None
            added = self._penalty_terms(penalty, at, passed, turn)
            if clash := terms.keys() & added.keys():
                raise ContractError(
                    f"{type(penalty).__name__} names a term {min(clash)!r} that another part of the game already has",
                    fix="give each term of the loss and the penalties a name of its own",
                )
            terms.update(added)
        turn.show(**self.loss.diagnostics(real_scores.detach(), fake_scores.detach()))
        return terms

    def generator_terms(self, turn: Turn) -> Terms:
        """L_G. The discriminator is in training mode and takes part, but only ``g``'s parameters get gradients."""
        labels = turn.batch.get("labels")
        fake_scores = self.scores(self.noisy(self.fake(turn, "g"), turn), labels)
        real_scores = None
        if self.loss.generator_needs_real:
            real_scores = self.scores(self.noisy(turn.batch["images"], turn), labels)
        with self._in_float32(fake_scores):
            return self.loss.generator(fake_scores, real_scores)

    def after_update(self, player: str, terms: Terms, turn: Turn) -> None:
        """Let the loss and the penalties move their buffers."""
        self.loss.after_update(player, terms)
        for penalty in self._penalties():
            penalty.after_update(player, terms)

    def exported(self) -> nn.Module:
        """The generator."""
        return self.generator

    def request(self, n: int, rng: torch.Generator, given: Batch | None = None) -> Batch:
        """``latent`` (N, Z), and for a conditional generator ``labels`` (N,), counting through the classes."""
        request = Batch(given or {})
        for name, tensor in request.items():
            if len(tensor) != n:
                raise ConfigError(f"{name} was given for {len(tensor)} images, and {n} were asked for")
        if "latent" not in request:
            request["latent"] = self.generator.sample_latent(n, rng, device=rng.device)
        classes = self.generator.classes
        if classes is None:
            if "labels" in request:
                raise ConfigError(
                    "labels were given, but this generator was trained without labels",
                    fix="leave the label out, or train with --conditional",
                )
        elif "labels" not in request:
            request["labels"] = torch.arange(n, device=rng.device) % classes
        elif bool(((request["labels"] < 0) | (request["labels"] >= classes)).any()):
            wrong = sorted({label for label in request["labels"].tolist() if not 0 <= label < classes})
            raise ConfigError(f"labels {wrong} name no class", choices=(f"0 to {classes - 1}",))
        return request

    @torch.no_grad()
    def generate(self, net: nn.Module, request: Batch, rng: torch.Generator) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] for ``request``, with running statistics in place of batch statistics."""
        modes = {module: module.training for module in net.modules()}
        net.eval()
        try:
            images: Tensor = net(request["latent"], request.get("labels"))
        finally:
            for module, mode in modes.items():
                module.training = mode
        return images.float()

    def latent(self, turn: Turn, player: str = "g") -> Tensor:
        """The latents (N, Z) behind :meth:`fake` for ``player``."""
        key = "latent" if self.share_fake else f"latent for {player}"
        return turn.once(key, lambda: self.generator.sample_latent(turn.batch.size, turn.rng, device=turn.rng.device))

    def fake(self, turn: Turn, player: str = "g") -> Tensor:
        """Fake images (N, C, H, W), float32, shared by ``d`` and ``g`` where ``share_fake``.

        They carry a graph to the generator's weights only where ``g`` plays on them in this round. Of several batches
        for an update the graphs would all wait for ``g``, so there it makes the images anew from the same latents.
        """
        if not self.share_fake:
            return turn.once(f"fake for {player}", lambda: self._generate(turn, player, graph=player == "g"))
        graph = "g" in turn.players and (player == "g" or turn.batches == 1)
        images = turn.once("fake", lambda: self._generate(turn, player, graph=graph))
        if graph and turn.batches > 1 and not images.requires_grad:
            return turn.once("fake with its graph", lambda: self._generate(turn, player, graph=True, again=True))
        return images

    def noisy(self, images: Tensor, turn: Turn) -> Tensor:
        """Images with the instance noise of this step (Sonderby et al. 2017, arXiv:1610.04490)."""
        if self.options.instance_noise == 0:
            return images
        noise = torch.randn(images.shape, generator=turn.rng, device=images.device) * self.options.instance_noise
        if self.options.instance_noise_steps:
            noise = noise * (1 - turn.step / self.options.instance_noise_steps).clamp(min=0)
        return images + noise

    def scores(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """Scores (N,) in float32, whatever precision the network ran in; labels reach a conditional D alone."""
        scores: Tensor = self.discriminator(images, labels if self.discriminator.conditional else None)
        return scores.float()

    def _penalty_terms(self, penalty: Penalty, at: Tensor, passed: Tensor | None, turn: Turn) -> Terms:
        """The terms of ``penalty`` at the points ``at``; ``passed`` are their scores, where there are some already."""
        # Second-order gradients lose too much in low precision, so a pass below float32 does not serve a penalty.
        if passed is None or torch.is_autocast_enabled(at.device.type):
            with self._in_float32(at), self._differentiable_twice(at):
                added = penalty.terms(self.scores(at, turn.batch.get("labels")), at)
        else:
            added = penalty.terms(passed, at)
        if not self.penalty_schedule.moves:
            return added
        weight = multiplier(self.penalty_schedule, turn.step)
        return {name: weight * term for name, term in added.items()}

    def _generate(self, turn: Turn, player: str, *, graph: bool, again: bool = False) -> Tensor:
        latent, labels = self.latent(turn, player), turn.batch["labels"] if self.generator.conditional else None
        with nullcontext() if graph else torch.no_grad():
            images = call_again(self.generator, latent, labels) if again else self.generator(latent, labels)
        return images.float()

    def _both_scores(self, real: Tensor, fake: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        if not self.merge_passes:
            return self.scores(real, labels), self.scores(fake, labels)
        twice = None if labels is None else torch.cat([labels, labels])
        real_scores, fake_scores = self.scores(torch.cat([real, fake]), twice).chunk(2)
        return real_scores, fake_scores

    @staticmethod
    def _in_float32(tensor: Tensor) -> torch.autocast:
        """What is computed inside on the device of ``tensor`` is no longer in bfloat16, whatever the run asks for."""
        return torch.autocast(tensor.device.type, enabled=False)

    def _differentiable_twice(self, images: Tensor) -> AbstractContextManager[object]:
        """Convolutions inside have fast second derivatives where a penalty asks for them and the device gains by it."""
        return FastSecondDerivatives() if self.penalties and images.is_cuda else nullcontext()

    def _penalties(self) -> list[Penalty]:
        return [penalty for penalty in self.penalties if isinstance(penalty, Penalty)]

    @torch.no_grad()
    def _clip_weights(self) -> None:
        bound = self.clip
        assert bound is not None
        for weight in self.discriminator.parameters():
            weight.clamp_(-bound, bound)
