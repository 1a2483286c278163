"""Which arithmetic a run gets."""

import pytest
import torch

from ganzoo.api import train
from ganzoo.arithmetic import convolutions_are_tf32, denormals_are_zero, flush_denormals, products, set_float32
from ganzoo.errors import ConfigError
from ganzoo.training import precision
from ganzoo.training.observers import Observer

CPU, CUDA, MPS = torch.device("cpu"), torch.device("cuda", 0), torch.device("mps")


@pytest.fixture
def machine(monkeypatch):
    """Pretends to a processor and a GPU."""

    def pretend(*, avx512=False, amx=False, capability=(9, 0)):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)

    return pretend


@pytest.mark.parametrize(
    ("device", "facts", "found"),
    [
        (CPU, {}, "fp32"),
        (CPU, {"avx512": True}, "bf16"),
        (CPU, {"amx": True}, "bf16"),
        (CUDA, {}, "bf16"),
        (CUDA, {"capability": (7, 5)}, "fp32"),
        (MPS, {}, "fp32"),
    ],
)
def test_auto_takes_bfloat16_where_the_hardware_has_it(machine, device, facts, found):
    machine(**facts)
    assert precision.resolve_precision("auto", device) == found


@pytest.mark.parametrize("asked", ["fp32", "bf16"])
@pytest.mark.parametrize("device", [CPU, CUDA, MPS])
def test_what_is_asked_for_is_what_is_done(machine, asked, device):
    machine()
    assert precision.resolve_precision(asked, device) == asked


@pytest.mark.parametrize(("device", "facts"), [(CPU, {}), (MPS, {}), (CUDA, {"capability": (7, 5)})])
def test_tf32_is_refused_where_it_does_not_exist(machine, device, facts):
    machine(**facts)
    with pytest.raises(ConfigError, match="tf32"):
        precision.resolve_precision("tf32", device)


@pytest.fixture
def arithmetic():
    """What torch computes in is put back."""
    before = torch.get_float32_matmul_precision(), convolutions_are_tf32()
    yield
    set_float32(*before)


def tf32():
    """Whether products of matrices, and convolutions, are TensorFloat-32."""
    return torch.backends.cuda.matmul.fp32_precision == "tf32", convolutions_are_tf32()


def test_float32_on_cuda_is_float32(machine, arithmetic):
    machine()
    for asked, found in (("tf32", True), ("bf16", True), ("fp32", False)):
        precision.set_arithmetic(asked, CUDA)
        assert tf32() == (found, found)
        with torch.backends.cudnn.flags(enabled=True, deterministic=True):  # raises where torch's settings disagree
            assert torch.get_float32_matmul_precision() == ("high" if found else "highest")
    precision.set_arithmetic("tf32", CPU)
    assert tf32() == (False, False)


def test_inside_a_block_alone(arithmetic):
    precision.set_arithmetic("tf32", CUDA)
    with products("float32", CUDA):
        assert tf32() == (False, False)
    assert tf32() == (True, True)
    with products("float32", CPU):
        assert tf32() == (True, True)


class Watch(Observer):
    def __init__(self):
        self.flushed = []

    def measured(self, progress, values):
        self.flushed.append(denormals_are_zero())


@pytest.mark.parametrize("before", [False, True])
def test_a_run_on_a_cpu_takes_denormals_for_zero_and_leaves_the_process_as_it_was(tmp_path, before):
    watch = Watch()
    flush_denormals(CPU, before)
    try:
        small = {"net": {"g_widths": (8,), "d_widths": (8,)}, "device": "cpu", "threads": 1}
        train("vanilla", dataset="digits", steps=2, log_every=1, out=tmp_path, observers=[watch], **small)
        assert watch.flushed == [True, True]
        assert denormals_are_zero() == before
    finally:
        flush_denormals(CPU, False)


def test_denormals_are_zero_where_that_was_asked_for_and_only_there():
    weights = torch.full((4,), 1e-37)
    for flush in (False, True):
        flush_denormals(CPU, flush)
        try:
            small = weights.mul(0.01).mul(100)
        finally:
            flush_denormals(CPU, False)
        assert bool((small == 0).all()) == flush
