"""Checkpoints are whole or absent, verified, and never unpickled."""

import errno
import json
import os
import pickle
import random
import shutil

import pytest
import torch

from ganzoo import durable
from ganzoo.errors import CheckpointError, DiskFullError, NonFiniteError
from ganzoo.training.checkpoint import (
    checkpoints,
    latest_checkpoint,
    load_checkpoint,
    prune,
    save_checkpoint,
    step_of,
)


def tensors(value=1.0):
    return {"model": {"weight": torch.full((3, 2), value), "seen": torch.tensor(7)}, "empty": {}}


def test_round_trip(tmp_path):
    folder = save_checkpoint(tmp_path, 12, tensors(), {"drawn": 99})
    groups, state = load_checkpoint(folder)
    assert torch.equal(groups["model"]["weight"], torch.ones(3, 2))
    assert groups["model"]["seen"].item() == 7
    assert (state["step"], state["drawn"]) == (12, 99)
    assert not list(tmp_path.glob("*.tmp"))


def test_tensors_that_share_memory_or_are_strided_are_written(tmp_path):
    weight = torch.arange(6.0).view(2, 3)
    folder = save_checkpoint(tmp_path, 1, {"model": {"a": weight, "b": weight.t()}}, {})
    groups, _ = load_checkpoint(folder)
    assert torch.equal(groups["model"]["b"], weight.t())


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_is_never_written(tmp_path, bad):
    save_checkpoint(tmp_path, 1, tensors(), {})
    with pytest.raises(NonFiniteError, match="model tensor 'weight' is not finite at step 2"):
        save_checkpoint(tmp_path, 2, tensors(bad), {})
    assert [path.name for path in checkpoints(tmp_path)] == ["step-000000001"]


def test_the_highest_step_that_verifies_is_taken_whatever_the_clocks_say(tmp_path):
    for step in (5, 1000, 30):
        save_checkpoint(tmp_path, step, tensors(step), {})
    for age, folder in enumerate(checkpoints(tmp_path)):
        os.utime(folder, (age, age))
    assert latest_checkpoint(tmp_path)[0].name == "step-000001000"
    (tmp_path / "step-000001000" / "model.safetensors").write_bytes(b"")
    folder, reasons = latest_checkpoint(tmp_path)
    assert folder.name == "step-000000030"
    assert "model.safetensors" in reasons[0]


def test_one_that_was_just_being_replaced_is_read(tmp_path):
    """Killed between the two renames, there is nothing under the name itself."""
    save_checkpoint(tmp_path, 1, tensors(), {})
    folder = save_checkpoint(tmp_path, 20, tensors(5.0), {})
    folder.rename(tmp_path / "step-000000020.old")
    found, reasons = latest_checkpoint(tmp_path)
    assert (step_of(found), reasons) == (20, [])
    assert load_checkpoint(found)[0]["model"]["weight"][0, 0] == 5
    prune(tmp_path, 2)
    assert [step_of(path) for path in checkpoints(tmp_path)] == [20, 1]
    save_checkpoint(tmp_path, 20, tensors(6.0), {})
    assert load_checkpoint(latest_checkpoint(tmp_path)[0])[0]["model"]["weight"][0, 0] == 6
    prune(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000001", "step-000000020"]


def test_every_flipped_byte_is_found(tmp_path):
    folder = save_checkpoint(tmp_path, 1, tensors(), {"drawn": 1})
    rng = random.Random(0)
    files = [path for path in folder.iterdir() if path.name != "manifest.json"]
    for _ in range(60):
        path = rng.choice(files)
        content = bytearray(path.read_bytes())
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        whole = path.read_bytes()
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=path.name):
            load_checkpoint(folder)
        path.write_bytes(whole)
    load_checkpoint(folder)


def test_a_damaged_manifest_is_an_error_of_ours_and_nothing_hangs(tmp_path):
    folder = save_checkpoint(tmp_path, 1, tensors(), {})
    manifest = folder / "manifest.json"
    whole = manifest.read_text()
    for damage in ("", "[]", "{}", whole[:-20], whole.replace("model.safetensors", "../../secret"), "[" * 100_000):
        manifest.write_text(damage)
        with pytest.raises(CheckpointError):
            load_checkpoint(folder)


def test_a_pickle_in_place_of_tensors_is_refused_and_never_run(tmp_path):
    class Payload:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "executed"),))

    folder = save_checkpoint(tmp_path, 1, tensors(), {})
    hostile = folder / "model.safetensors"
    hostile.write_bytes(pickle.dumps(Payload()))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"]["model.safetensors"] = durable.sha256(hostile)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="cannot read the tensors"):
        load_checkpoint(folder)
    assert not (tmp_path / "executed").exists()


def test_a_full_disk_leaves_the_last_checkpoint_and_says_how_much_was_needed(tmp_path, monkeypatch):
    before = save_checkpoint(tmp_path, 1, tensors(), {})
    writes = len(list(before.iterdir()))
    real = os.fsync
    for failing in range(writes):
        calls = iter(range(1000))

        def full(descriptor, calls=calls, failing=failing):
            if next(calls) == failing:
                raise OSError(errno.ENOSPC, "No space left on device")
            real(descriptor)

        monkeypatch.setattr(durable.os, "fsync", full)
        with pytest.raises(DiskFullError, match=r"\d+ bytes"):
            save_checkpoint(tmp_path, 2, tensors(2.0), {})
        monkeypatch.setattr(durable.os, "fsync", real)
        assert latest_checkpoint(tmp_path)[0] == before
        assert load_checkpoint(before)[0]["model"]["weight"][0, 0] == 1


def test_prune_keeps_the_highest_and_clears_what_was_interrupted(tmp_path):
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, step, tensors(), {})
    shutil.copytree(tmp_path / "step-000000003", tmp_path / "step-000000004.tmp")
    prune(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000002", "step-000000003"]


def test_nothing_usable_is_an_error_that_says_why(tmp_path):
    with pytest.raises(CheckpointError, match="no usable checkpoint"):
        latest_checkpoint(tmp_path)
