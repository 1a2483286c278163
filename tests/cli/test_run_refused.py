"""`ganzoo run` where something is wrong: it is told in words, and nothing is lost."""

import errno
import json
import os
import sys

import pytest
import torch
from safetensors.torch import load_file
from toys.commands import final_state, run

from ganzoo.cli.main import main
from ganzoo.durable import sha256
from ganzoo.training.checkpoint import checkpoints

BATCH_NORM = ["--backbone", "dcgan", "--net.d-norm", "batch"]


def test_a_damaged_checkpoint_is_passed_over_with_a_warning(tmp_path, caplog):
    assert run(tmp_path, "--steps", "10", "--save-every", "5", "--quiet") == 0
    newest = checkpoints(tmp_path / "one" / "checkpoints")[0]
    (newest / "model.safetensors").write_bytes(b"x")
    assert main(["run", "--resume", str(tmp_path / "one"), "--steps", "10", "--quiet"]) == 0
    assert "passed over a damaged checkpoint" in caplog.text
    sessions = json.loads((tmp_path / "one" / "run.json").read_text())["sessions"]
    assert sessions[-1]["from_step"] == 5


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


def test_an_unknown_key_of_a_file_is_named_with_the_nearest(tmp_path, capsys):
    file = tmp_path / "mine.toml"
    file.write_text('variant = "vanilla"\n[training]\nstesp = 3\n')
    assert main(["run", "--config", str(file)]) == 2
    assert "unknown key 'training.stesp'; did you mean 'steps'?" in capsys.readouterr().err


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
    monkeypatch.setattr("ganzoo.metrics.judge.Judge.features", lambda judge, batches: refused(judge))
    assert main(["eval", "digits:train", "--against", "digits:test", "--n", "60", "--metrics", "fid"]) == 1
    told = capsys.readouterr().err
    assert "error: out of memory: " in told
    assert "a lower --n" in told


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
