"""Facts about this process that a run records."""

import subprocess
import sys

import torch

from ganzoo.training.environment import find_device, make_current, peak_memory

MIB = 1 << 20


def test_the_peak_is_this_process_s_own_and_not_its_parent_s():
    parent = b"x" * (900 * MIB)  # far more than torch takes
    words = "from ganzoo.training.environment import peak_memory; print(peak_memory())"
    done = subprocess.run([sys.executable, "-c", words], check=True, capture_output=True, text=True)
    assert 10 * MIB < int(done.stdout) < len(parent)
    assert peak_memory() > len(parent)


def test_cuda_alone_has_a_current_device(monkeypatch):
    made_current = []
    monkeypatch.setattr(torch.cuda, "set_device", made_current.append)
    for name in ("cpu", "cuda:1", "mps"):
        make_current(torch.device(name))
    assert made_current == [torch.device("cuda:1")]


def test_a_gpu_is_named_by_its_index_which_cuda_wants_to_know(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    found = {name: find_device(name) for name in ("auto", "cuda", "cuda:1", "cpu")}
    assert [found["auto"], found["cuda"]] == [torch.device("cuda", 0)] * 2
    assert found["cuda:1"] == torch.device("cuda", 1)
    assert found["cpu"] == torch.device("cpu")
