"""What the views print, and that many observers hear what one would."""

import io
from pathlib import Path
from types import SimpleNamespace

import torch
from rich.console import Console

from ganzoo.config import make_config
from ganzoo.training.observers import Observer, Observers, Progress, RunView
from ganzoo.training.observers.console import LiveView, PlainLines

VALUES = {"d/real": 0.5, "g/fake": 1.25, "accuracy_real": 0.75}


def view():
    config = make_config({"variant": "wgan-gp", "backbone": "dcgan", "training": {"steps": 200}})
    return RunView(config, SimpleNamespace(path=Path("runs/x")), "cpu", 60_000)


def progress(step):
    return Progress(step=step, images=step * 64, fraction=step / 200, rate=1234.5, seconds=float(step))


def show(kind, *, terminal):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=160, color_system=None)
    observer = kind(console)
    observer.started(view(), progress(0))
    observer.advanced(progress(40))
    observer.measured(progress(50), VALUES)
    observer.ended(progress(200), "finished")
    return stream.getvalue()


def test_plain_lines_tell_everything_in_whole_lines():
    lines = show(PlainLines, terminal=False).splitlines()
    assert lines[0].startswith("wgan-gp on dcgan, mnist (60,000 images), batch 50, 200 steps, cpu fp32, seed 0")
    assert lines[1] == (
        " 25%  step 50  3,200 images  1,234 images/s  2:30 left  d/real 0.5000  g/fake 1.2500  accuracy_real 0.7500"
    )
    assert lines[2] == "finished after 200 steps, 12,800 images, 3:20"
    assert len(lines) == 3


def test_the_live_view_shows_progress_speed_and_every_scalar():
    text = show(LiveView, terminal=True)
    scalars = ("d/real 0.5000", "g/fake 1.2500", "accuracy_real 0.7500")
    for part in ("step 200", "12,800 images", "1,234 images/s", "0:00 left", "finished after 200 steps", *scalars):
        assert part in text


def test_a_view_whose_run_never_started_ends_quietly():
    LiveView(Console(file=io.StringIO(), force_terminal=True)).ended(progress(0), "failed")


class Recorder(Observer):
    def __init__(self):
        self.heard = []

    def started(self, run, progress):
        self.heard.append(("started", run.device, progress.step))

    def advanced(self, progress):
        self.heard.append(("advanced", progress.step))

    def measured(self, progress, values):
        self.heard.append(("measured", progress.step, values))

    def sampled(self, progress, images):
        self.heard.append(("sampled", progress.step, images.shape))

    def saved(self, progress):
        self.heard.append(("saved", progress.step))

    def ended(self, progress, reason):
        self.heard.append(("ended", progress.step, reason))


def test_all_observers_hear_everything_in_order():
    recorders = [Recorder(), Recorder()]
    both = Observers([recorders[0], Observer(), recorders[1]])
    both.started(view(), progress(0))
    both.advanced(progress(1))
    both.measured(progress(2), VALUES)
    both.sampled(progress(3), torch.zeros(2, 1, 8, 8))
    both.saved(progress(4))
    both.ended(progress(5), "stopped")
    assert [event[0] for event in recorders[0].heard] == [
        "started",
        "advanced",
        "measured",
        "sampled",
        "saved",
        "ended",
    ]
    assert recorders[0].heard == recorders[1].heard
