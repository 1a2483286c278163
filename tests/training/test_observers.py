"""What the views print, and that many observers hear what one would."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console

from ganzoo.config import make_config
from ganzoo.training.observers import Guarded, Observer, Observers, Progress, RunView
from ganzoo.training.observers.console import LiveView, PlainLines

VALUES = {"d/real": 0.5, "g/fake": 1.25, "accuracy_real": 0.75}
FIGURES = {"eval/fid": 12.34567, "eval/recall": 0.5, "eval/seconds": 3.0}


def view():
    config = make_config({"variant": "wgan-gp", "backbone": "dcgan", "training": {"steps": 200, "precision": "fp32"}})
    return RunView(config, SimpleNamespace(path=Path("runs/x")), "cpu", 60_000)


def progress(step, **more):
    return Progress(step=step, images=step * 64, fraction=step / 200, rate=1234.5, seconds=float(step), **more)


def show(kind, *, terminal, evaluations=()):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=160, color_system=None)
    observer = kind(console)
    observer.started(view(), progress(0))
    observer.advanced(progress(40))
    observer.measured(progress(50), VALUES)
    for best in evaluations:
        observer.evaluated(progress(50), FIGURES, best=best)
    observer.measured(progress(100), {**VALUES, "d/real": 0.25})
    observer.ended(progress(200, evaluating=65.0 if evaluations else 0.0), "finished")
    return stream.getvalue()


def test_plain_lines_tell_everything_in_whole_lines():
    lines = show(PlainLines, terminal=False).splitlines()
    assert lines[0].startswith("wgan-gp on dcgan, mnist (60,000 images), batch 50, 200 steps, cpu fp32, seed 0")
    assert lines[1] == (
        " 25%  step 50  3,200 images  1,234 images/s  2:30 left  d/real 0.5000  g/fake 1.2500  accuracy_real 0.7500"
    )
    assert lines[2].endswith("1:40 left  d/real 0.2500  g/fake 1.2500  accuracy_real 0.7500")
    assert lines[3] == "finished after 200 steps, 12,800 images, 3:20"
    assert len(lines) == 4


def test_plain_lines_have_one_for_each_evaluation_and_mark_the_best():
    lines = show(PlainLines, terminal=False, evaluations=(True, False)).splitlines()
    figures = "      evaluated at step 50  eval/fid 12.3457  eval/recall 0.5000  eval/seconds 3.0000"
    assert lines[2:4] == [f"{figures}  best so far", figures]
    assert lines[-1] == "finished after 200 steps, 12,800 images, 3:20, and 1:05 of evaluations"


def test_the_live_view_shows_progress_speed_and_every_scalar():
    text = show(LiveView, terminal=True)
    scalars = ("d/real 0.2500", "g/fake 1.2500", "accuracy_real 0.7500")
    for part in ("step 200", "12,800 images", "1,234 images/s", "0:00 left", "finished after 200 steps", *scalars):
        assert part in text


def test_the_live_view_keeps_the_last_figures_beside_newer_scalars():
    text = show(LiveView, terminal=True, evaluations=(True,))
    last = text[text.rindex("d/real 0.2500") :]
    for part in ("eval/fid 12.3457", "eval/recall 0.5000", "and 1:05 of evaluations"):
        assert part in last


def test_what_looks_like_markup_is_shown_as_it_is():
    stream = io.StringIO()
    view_of_odd = RunView(view().config, SimpleNamespace(path=Path("runs/[/x]")), "cpu", 60_000)
    observer = LiveView(Console(file=stream, force_terminal=True, width=160, color_system=None))
    observer.started(view_of_odd, progress(0))
    observer.measured(progress(50), {"[/y]": 0.5})
    observer.ended(progress(200), "finished")
    assert "runs/[/x]" in stream.getvalue()
    assert "[/y] 0.5000" in stream.getvalue()


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

    def evaluated(self, progress, values, *, best):
        self.heard.append(("evaluated", progress.step, values, best))

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
    both.evaluated(progress(4), FIGURES, best=True)
    both.evaluated(progress(5), FIGURES, best=False)
    both.saved(progress(6))
    both.ended(progress(7), "stopped")
    assert [event[0] for event in recorders[0].heard] == [
        "started",
        "advanced",
        "measured",
        "sampled",
        "evaluated",
        "evaluated",
        "saved",
        "ended",
    ]
    assert recorders[0].heard[4:6] == [("evaluated", 4, FIGURES, True), ("evaluated", 5, FIGURES, False)]
    assert recorders[0].heard == recorders[1].heard


class Failing(Observer):
    def measured(self, progress, values):
        raise ZeroDivisionError("oops")

    def ended(self, progress, reason):
        raise AssertionError("it was left out")


def test_one_that_is_guarded_is_named_once_and_hears_no_more(caplog):
    recorder = Recorder()
    all_of_them = Observers([Guarded([Failing()]), recorder])
    for step in (1, 2):
        all_of_them.measured(progress(step), VALUES)
    all_of_them.ended(progress(3), "finished")
    assert [event[1] for event in recorder.heard] == [1, 2, 3]
    (told,) = [record.getMessage() for record in caplog.records]
    assert "Failing raises ZeroDivisionError: oops (" in told
    assert "test_observers.py line" in told


def test_what_any_other_raises_is_raised_after_all_have_heard():
    recorder = Recorder()
    with pytest.raises(ZeroDivisionError, match="oops"):
        Observers([Failing(), recorder]).measured(progress(3), VALUES)
    assert recorder.heard == [("measured", 3, VALUES)]
