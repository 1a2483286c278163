"""`ganzoo run` as a user runs it: what it writes, how it resumes, what it refuses."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from ganzoo.cli.main import main
from ganzoo.config import make_config, read_config
from ganzoo.durable import sha256
from ganzoo.training.checkpoint import checkpoints
from ganzoo.training.precision import resolve_precision

SMALL = ["--net.g-widths", "16", "--net.d-widths", "16", "--batch-size", "16", "--device", "cpu", "--threads", "1"]

BATCH_NORM = ["--backbone", "dcgan", "--net.d-norm", "batch"]


def run(tmp_path, *words, name="one"):
    return main(["run", "vanilla", "--dataset", "digits", *SMALL, "--out", str(tmp_path), "--name", name, *words])


def weights(path):
    return load_file(path / "generator" / "weights.safetensors")


def final_state(path):
    folder = checkpoints(path / "checkpoints")[0]
    return {file.name: file.read_bytes() for file in folder.glob("*.safetensors")}


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


def test_a_damaged_checkpoint_is_passed_over_with_a_warning(tmp_path, caplog):
    assert run(tmp_path, "--steps", "10", "--save-every", "5", "--quiet") == 0
    newest = checkpoints(tmp_path / "one" / "checkpoints")[0]
    (newest / "model.safetensors").write_bytes(b"x")
    assert main(["run", "--resume", str(tmp_path / "one"), "--steps", "10", "--quiet"]) == 0
    assert "passed over a damaged checkpoint" in caplog.text
    sessions = json.loads((tmp_path / "one" / "run.json").read_text())["sessions"]
    assert sessions[-1]["from_step"] == 5


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
    from ganzoo.training.session import Session

    facts = Session._facts

    def newer(self):
        changed = facts(self)
        changed["origins"]["variant"]["version"] = "9.9.9"
        return changed

    monkeypatch.setattr(Session, "_facts", newer)
    assert main(["run", "--resume", str(tmp_path / "one"), "--steps", "4", "--quiet"]) == 5
    assert 'pip install "ganzoo-vanilla==0.1.0"' in capsys.readouterr().err


def test_a_name_that_is_taken_is_refused_and_nothing_is_lost(tmp_path, capsys):
    assert run(tmp_path, "--steps", "2", "--quiet") == 0
    before = final_state(tmp_path / "one")
    assert run(tmp_path, "--steps", "3", "--quiet") == 2
    assert "there is a run in" in capsys.readouterr().err
    assert final_state(tmp_path / "one") == before


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["run"], 2, "usage: ganzoo run VARIANT"),
        (["run", "vanila"], 2, "did you mean 'vanilla'"),
        (["run", "vanilla", "--stpes", "3"], 2, "did you mean --steps?"),
        (["run", "vanilla", "--steps", "0"], 2, "--steps"),
        (["run", "vanilla", "--steps", "1", "--epochs", "1"], 2, "steps and epochs were given together"),
        (["run", "vanilla", "--d-optimizer.lr", "-1"], 2, "--d-optimizer.lr"),
        (["run", "vanilla", "--dataset", "mnits"], 2, "did you mean 'mnist'"),
        (["run", "vanilla", "--dataset", "digits", "--device", "cuda:77"], 2, "cuda:77 is not on this machine"),
        (["run", "wgan-gp", *BATCH_NORM, "--dataset", "digits", "--image-size", "16"], 2, "mixes the images"),
        (["run", "began", "--dataset", "digits", "--backbone", "dcgan"], 2, "reconstruction error"),
        (["run", "lsgan", "--dataset", "digits", "--backbone", "began"], 2, "reconstruction error"),
        (["run", "dcgan", "--dataset", "digits", "--image-size", "30"], 2, "30 x 30"),
        (["run", "vanilla", "--dataset", "digits", "--batch-size", "1"], 2, "is a batch norm"),
        (["run", "--resume", "/nowhere"], 5, "/nowhere is no run folder"),
        (["run", "--dataset", "digits", "vanilla"], 2, "the variant comes first, and 'vanilla' stands behind options"),
        (["run", "vanilla", "digits"], 2, "unexpected argument 'digits'"),
        (["run", "vanilla", "--device", "gpu"], 2, "no device is called 'gpu'; choose auto, cpu, cuda, cuda:N or mps"),
        (["run", "--config", "/nowhere.toml"], 2, "/nowhere.toml"),
    ],
)
def test_what_cannot_be_done_is_told_in_words_and_leaves_nothing(tmp_path, capsys, monkeypatch, words, status, message):
    monkeypatch.chdir(tmp_path)
    assert main(words) == status
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


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


def test_an_unknown_key_of_a_file_is_named_with_the_nearest(tmp_path, capsys):
    file = tmp_path / "mine.toml"
    file.write_text('variant = "vanilla"\n[training]\nstesp = 3\n')
    assert main(["run", "--config", str(file)]) == 2
    assert "unknown key 'training.stesp'; did you mean 'steps'?" in capsys.readouterr().err


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


def test_a_missing_extra_is_told_with_the_line_that_installs_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert run(tmp_path, "--steps", "2", "--tensorboard", "--quiet") == 1
    assert 'pip install "ganzoo[tensorboard]"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "status", "word"), [(errno.ENOSPC, 8, "No space left"), (errno.EACCES, 1, "denied")]
)
def test_what_the_system_refuses_is_told_and_the_last_checkpoint_stays(
    tmp_path, capsys, monkeypatch, number, status, word
):
    from ganzoo.report import observer

    real, calls = observer.write_grid, []

    def refused(images, path, **settings):
        calls.append(path)
        if len(calls) == 3:
            raise OSError(number, os.strerror(number), str(path))
        real(images, path, **settings)

    monkeypatch.setattr(observer, "write_grid", refused)
    words = ["--steps", "9", "--sample-every", "4", "--save-every", "4", "--quiet"]
    assert run(tmp_path, *words) == status
    assert word in capsys.readouterr().err
    assert main(["run", "--resume", str(tmp_path / "one"), "--quiet"]) == 0
    sessions = json.loads((tmp_path / "one" / "run.json").read_text())["sessions"]
    assert [(session["from_step"], session["to_step"]) for session in sessions] == [(0, 8), (4, 9)]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nmore"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory: 20 bytes"),
    ],
)
def test_too_little_memory_is_told_with_the_way_out(tmp_path, capsys, monkeypatch, error):
    def refused(engine, most=1):
        raise error

    monkeypatch.setattr("ganzoo.training.engine.Engine.iterate", refused)
    assert run(tmp_path, "--steps", "3", "--quiet") == 1
    told = capsys.readouterr().err
    assert "error: out of memory: " in told
    assert "lower --batch-size" in told


def test_any_other_error_passes_through(tmp_path, monkeypatch):
    def broken(engine, most=1):
        raise RuntimeError("a bug")

    monkeypatch.setattr("ganzoo.training.engine.Engine.iterate", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        run(tmp_path, "--steps", "3", "--quiet")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("origins", []),
        ("metrics_position", "x"),
        ("seconds", [1]),
        ("iteration", 1e400),
        ("meter", [1]),
        ("drawn", None),
    ],
)
def test_a_checkpoint_with_an_odd_state_is_told_and_not_resumed(tmp_path, capsys, key, value):
    """Its manifest was made to fit, so nothing but the values themselves is wrong."""
    assert run(tmp_path, "--steps", "2", "--quiet") == 0
    folder = checkpoints(tmp_path / "one" / "checkpoints")[0]
    state = json.loads((folder / "state.json").read_text())
    (folder / "state.json").write_text(json.dumps({**state, key: value}))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"]["state.json"] = sha256(folder / "state.json")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    capsys.readouterr()
    assert main(["run", "--resume", str(tmp_path / "one"), "--steps", "4", "--quiet"]) == 5
    assert "does not fit this run" in capsys.readouterr().err


def test_a_loss_that_explodes_stops_the_run_and_is_not_saved(tmp_path, capsys):
    words = ["--d-optimizer.name", "sgd", "--d-optimizer.lr", "1e38", "--log-every", "5", "--save-every", "3"]
    assert run(tmp_path, "--steps", "50", *words, "--quiet") == 6
    err = capsys.readouterr().err
    assert "stopped being finite at step" in err
    for folder in checkpoints(tmp_path / "one" / "checkpoints"):
        for file in folder.glob("*.safetensors"):
            for tensor in load_file(file).values():
                assert not tensor.is_floating_point() or torch.isfinite(tensor).all()
    facts = json.loads((tmp_path / "one" / "run.json").read_text())
    assert facts["sessions"][0]["status"] == "failed: NonFiniteError"


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
