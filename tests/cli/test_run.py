"""`ganzoo run` as a user runs it: what it writes, and how it goes on."""

import json
import signal
import subprocess
import sys
import time

import pytest
import torch
from PIL import Image
from toys.commands import SMALL, final_state, run

from ganzoo.cli.main import main
from ganzoo.config import make_config, read_config
from ganzoo.training.checkpoint import checkpoints
from ganzoo.training.precision import resolve_precision


def test_a_run_folder_holds_all_that_it_should(tmp_path, capsys):
    steps = ["--steps", "25", "--log-every", "10", "--sample-every", "10", "--save-every", "10"]
    assert run(tmp_path, *steps) == 0
    path = tmp_path / "one"
    out, err = capsys.readouterr()
    assert out == f"{path}/samples.png\n"
    assert "finished after 25 steps, 400 images" in err

    config = make_config(read_config(path / "config.toml"))
    assert (config.variant, config.training.steps, config.net.g_widths) == ("vanilla", 25, (16,))
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["images"]) for line in lines] == [(10, 160), (20, 320), (25, 400)]
    assert {"d/real", "d/fake", "g/fake", "accuracy_real", "accuracy_fake"} < lines[0].keys()
    assert [file.name for file in sorted((path / "samples").iterdir())] == [
        f"step-{step:09d}.png" for step in (0, 10, 20, 25)
    ]
    assert (path / "samples.png").read_bytes() == (path / "samples" / "step-000000025.png").read_bytes()
    assert Image.open(path / "losses.png").size[0] > 500
    assert [folder.name for folder in checkpoints(path / "checkpoints")] == ["step-000000025", "step-000000020"]

    facts = json.loads((path / "run.json").read_text())
    (session,) = facts["sessions"]
    assert facts["origins"]["variant"]["distribution"] == "ganzoo-vanilla"
    engine = facts["engine"]
    assert (engine["tier"], engine["asked"], engine["parity"]) == ("eager", "auto", None)
    assert engine["reasons"].keys() == {"compile", "graph", "graph+compile"}
    assert engine["reasons"]["graph"] == "needs CUDA"
    assert engine["precision"] == config.training.precision == resolve_precision("auto", torch.device("cpu"))
    assert engine["threads"] == config.training.threads == torch.get_num_threads()
    assert session["engine"] == engine
    assert facts["seed"] == 0
    assert (facts["data"]["name"], facts["data"]["storage"]) == ("digits", "device")
    assert session["status"] == "finished"
    assert (session["from_step"], session["to_step"], session["images"]) == (0, 25, 400)
    assert session["command"][:3] == ["ganzoo", "run", "vanilla"]
    assert session["cpu_seconds"] > 0
    assert 0 < session["seconds"] < 120
    assert {"python", "packages", "cpu", "cores", "threads"} <= session["environment"].keys()


def test_one_seed_gives_one_result_and_another_seed_another(tmp_path):
    for name, seed in (("one", "1"), ("two", "1"), ("three", "2")):
        assert run(tmp_path, "--steps", "5", "--seed", seed, "--quiet", name=name) == 0
    assert final_state(tmp_path / "one") == final_state(tmp_path / "two")
    assert final_state(tmp_path / "one") != final_state(tmp_path / "three")


def test_a_run_stopped_at_half_and_resumed_equals_one_that_was_not(tmp_path):
    common = ["--quiet", "--ema", "0.9", "--log-every", "4", "--net.dropout", "0.3"]
    assert run(tmp_path, "--steps", "20", *common, name="whole") == 0
    assert run(tmp_path, "--steps", "10", *common, name="half") == 0
    assert main(["run", "--resume", str(tmp_path / "half"), "--steps", "20", "--quiet"]) == 0
    assert final_state(tmp_path / "whole") == final_state(tmp_path / "half")

    def logged(name):
        lines = [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        return [{key: value for key, value in line.items() if key not in ("time", "seconds")} for line in lines]

    assert logged("whole") == logged("half")
    sessions = json.loads((tmp_path / "half" / "run.json").read_text())["sessions"]
    assert [(session["from_step"], session["to_step"]) for session in sessions] == [(0, 10), (10, 20)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--batch-size", "32"], "cannot change training.batch_size (it was 16, now 32)"),
        (["--d-optimizer.lr", "0.5"], "cannot change options.d_optimizer.lr"),
        (["--seed", "4"], "cannot change training.seed"),
        (["--dataset", "mnist"], "cannot change data.dataset"),
    ],
)
def test_a_resumed_run_keeps_what_its_weights_depend_on(tmp_path, capsys, words, message):
    assert run(tmp_path, "--steps", "2", "--quiet") == 0
    before = final_state(tmp_path / "one")
    assert main(["run", "--resume", str(tmp_path / "one"), *words]) == 2
    assert message in capsys.readouterr().err
    assert final_state(tmp_path / "one") == before


def test_another_plugin_version_is_not_resumed_and_the_command_is_told(tmp_path, capsys, monkeypatch):
    assert run(tmp_path, "--steps", "2", "--quiet") == 0
    from ganzoo.training import session

    origins = session.origins

    def newer(*args):
        changed = origins(*args)
        changed["origins"]["variant"]["version"] = "9.9.9"
        return changed

    monkeypatch.setattr(session, "origins", newer)
    assert main(["run", "--resume", str(tmp_path / "one"), "--steps", "4", "--quiet"]) == 5
    assert 'pip install "ganzoo-vanilla==0.1.0"' in capsys.readouterr().err


def test_help_and_usage(capsys):
    assert main(["run", "--help"]) == 0
    assert "ganzoo run --resume RUN" in capsys.readouterr().out
    assert main(["run", "wgan-gp", "--help"]) == 0
    helped = capsys.readouterr().out
    for flag in ("--steps", "--gradient-penalty", "--d-optimizer.lr", "--net.width", "--dataset", "--ema", "--resume"):
        assert flag in helped


def test_a_printed_config_can_be_run(tmp_path, capsys):
    words = ["run", "vanilla", "--dataset", "digits", *SMALL, "--steps", "3", "--print-config"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    file = tmp_path / "mine.toml"
    file.write_text(printed)
    assert main(["run", "--config", str(file), "--print-config"]) == 0
    assert capsys.readouterr().out == printed
    assert main(["run", "--config", str(file), "--epochs", "2", "--print-config"]) == 0
    assert "epochs = 2.0" in capsys.readouterr().out
    assert main(["run", "dcgan", "--config", str(file)]) == 2
    assert "is a config of variant 'vanilla'" in capsys.readouterr().err
    assert main(["run", "--config", str(file), "--out", str(tmp_path), "--name", "ran", "--quiet"]) == 0
    assert (tmp_path / "ran" / "samples.png").is_file()


def test_a_dry_run_tells_and_writes_nothing(tmp_path, capsys):
    assert run(tmp_path, "--steps", "5", "--dry-run") == 0
    told = capsys.readouterr().out
    assert "1,437 images of (1, 8, 8)" in told
    assert "player    d:" in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("budget", "steps"), [(["--images", "100"], 7), (["--epochs", "0.1"], 9)])
def test_budgets_in_images_and_epochs(tmp_path, budget, steps):
    assert run(tmp_path, *budget, "--quiet") == 0
    facts = json.loads((tmp_path / "one" / "run.json").read_text())
    assert facts["sessions"][0]["to_step"] == steps


def test_a_budget_in_minutes_ends(tmp_path):
    start = time.monotonic()
    assert run(tmp_path, "--minutes", "0.01", "--quiet") == 0
    assert time.monotonic() - start < 30
    assert json.loads((tmp_path / "one" / "run.json").read_text())["sessions"][0]["to_step"] > 0


def test_tensorboard_files(tmp_path):
    pytest.importorskip("tensorboard")
    assert run(tmp_path, "--steps", "4", "--log-every", "2", "--tensorboard", "--quiet") == 0
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "one" / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("d/real")] == [2, 4]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_signal_saves_and_the_resumed_run_equals_one_that_was_not_stopped(tmp_path, number, status):
    words = [
        "--dataset",
        "digits",
        *SMALL,
        *("--threads", "1", "--allocator", "system", "--engine", "eager"),
        "--out",
        str(tmp_path),
        "--log-every",
        "10",
        "--save-every",
        "40",
        "--quiet",
    ]
    command = [sys.executable, "-m", "ganzoo", "run", "vanilla", *words, "--name", "killed", "--steps", "100000"]
    with subprocess.Popen(command) as process:
        metrics = tmp_path / "killed" / "metrics.jsonl"
        deadline = time.monotonic() + 120
        while not (metrics.exists() and metrics.read_text().count("\n") > 6):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(60) == status
    reached = int(checkpoints(tmp_path / "killed" / "checkpoints")[0].name.removeprefix("step-"))
    total = reached + 15
    assert main(["run", "--resume", str(tmp_path / "killed"), "--steps", str(total), "--quiet"]) == 0
    assert main(["run", "vanilla", *words, "--name", "whole", "--steps", str(total)]) == 0
    assert final_state(tmp_path / "killed") == final_state(tmp_path / "whole")
