"""What changes with the step must change in every tier: schedules, clipping, accumulation, the average."""

import pytest
import torch
from toys.moving import MOVING

from ganzoo.config import make_config
from ganzoo.training.engine.capture import tape_recorder
from ganzoo.training.engine.parity import examine
from ganzoo.training.engine.tiers import Compiled, Graph
from ganzoo.training.session import Session

NETS = {
    "vanilla": {"g_widths": [16], "d_widths": [16]},
    "dcgan": {"width": 8},
    "wgan-gp": {"width": 8},
    "began": {"width": 16, "latent_dim": 8, "generator_width": 4},
}


def engine(variant, options=None, **training):
    values = {"batch_size": 8, "device": "cpu", "steps": 50, **training}
    raw = {"variant": variant, "net": NETS[variant], "data": {"dataset": "digits"}, "options": options or {}}
    return Session(make_config(raw | {"training": values})).engine


@pytest.mark.parametrize("case", MOVING)
@pytest.mark.parametrize("tier", ["graph", "compile"])
def test_a_recorded_step_sees_it_move(case, tier):
    made = engine(MOVING[case][0], MOVING[case][1], **MOVING[case][2])
    if tier == "graph":
        parity = examine(made, Graph(made.cycle, tape_recorder, span=1))
    else:
        parity = examine(made, Compiled(made.cycle, lambda module: module))
    assert parity.exact, parity.describe()


def test_the_step_is_what_moves_them():
    """The same without the step: a recorded step whose number stands still is not the reference."""
    made = engine("vanilla", MOVING["learning rate"][1])
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
