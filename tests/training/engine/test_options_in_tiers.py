"""What changes with the step must change in every tier: schedules, clipping, accumulation, the average."""

import pytest
import torch

from ganzoo.config import make_config
from ganzoo.training.engine.capture import tape_recorder
from ganzoo.training.engine.parity import examine
from ganzoo.training.engine.tiers import Compiled, Graph
from ganzoo.training.session import Session

WARM_UP = {"schedule": {"warmup": 3, "decay": "cosine", "start": 4, "steps": 4, "final": 0.1}}
NETS = {
    "vanilla": {"g_widths": [16], "d_widths": [16]},
    "dcgan": {"width": 8},
    "wgan-gp": {"width": 8},
    "began": {"width": 8, "latent_dim": 8},
}


def engine(variant, options=None, **training):
    values = {"batch_size": 8, "device": "cpu", "steps": 50, **training}
    raw = {"variant": variant, "net": NETS[variant], "data": {"dataset": "digits"}, "options": options or {}}
    return Session(make_config(raw | {"training": values})).engine


CASES = {
    "accumulation": ("vanilla", {}, {"accumulate": 3}),
    "accumulated statistics": ("dcgan", {}, {"accumulate": 2}),
    "accumulated penalties": ("wgan-gp", {"n_critic": 2}, {"accumulate": 2}),
    "learning rate": ("vanilla", {"d_optimizer": WARM_UP, "g_optimizer": WARM_UP}, {}),
    "learning rate times the game's scale": ("began", {"g_optimizer": WARM_UP, "lr_patience": 2}, {}),
    "penalty weight": ("wgan-gp", {"n_critic": 2, "penalty_schedule": {"decay": "linear", "steps": 6}}, {}),
    "clipping": ("vanilla", {"d_optimizer": {"max_grad_norm": 0.1}, "g_optimizer": {"max_grad_norm": 0.1}}, {}),
    "average": ("vanilla", {}, {"ema": 0.5}),
    "no average": ("vanilla", {}, {"ema": 0.0}),
    "noise that fades": ("vanilla", {"instance_noise": 0.5, "instance_noise_steps": 5}, {}),
    "momentum": ("vanilla", {"d_optimizer": {"name": "sgd", "momentum": 0.9, "lr": 0.01}}, {"precision": "bf16"}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("tier", ["graph", "compile"])
def test_a_recorded_step_sees_it_move(case, tier):
    made = engine(CASES[case][0], CASES[case][1], **CASES[case][2])
    if tier == "graph":
        parity = examine(made, Graph(made.cycle, tape_recorder, span=1))
    else:
        parity = examine(made, Compiled(made.cycle, lambda module: module))
    assert parity.exact, parity.describe()


def test_the_step_is_what_moves_them():
    """The same without the step: a recorded step whose number stands still is not the reference."""
    made = engine("vanilla", CASES["learning rate"][1])
    graph = Graph(made.cycle, tape_recorder, span=1)
    stuck = torch.zeros((), dtype=torch.int64)
    play = graph.play

    def stuck_play(plans):
        kept = made.step.clone()
        made.step.copy_(stuck)
        play(plans)
        made.step.copy_(kept + len(plans))

    graph.play = stuck_play
    assert not examine(made, graph).passed
