"""Which arithmetic a run gets."""

import pytest
import torch

from ganzoo.arithmetic import convolutions_are_tf32, denormals_flushed, products, set_float32
from ganzoo.errors import ConfigError
from ganzoo.training import precision

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
def restored():
    """What torch computes in is put back."""
    before = torch.get_float32_matmul_precision(), convolutions_are_tf32()
    yield
    set_float32(*before)


def tf32():
    """Whether products of matrices, and convolutions, are TensorFloat-32."""
    return torch.backends.cuda.matmul.fp32_precision == "tf32", convolutions_are_tf32()


def test_float32_on_cuda_is_float32(machine, restored):
    machine()
    before = tf32()
    for asked, found in (("tf32", True), ("bf16", True), ("fp32", False)):
        with precision.arithmetic(asked, CUDA):
            assert tf32() == (found, found)
            with torch.backends.cudnn.flags(enabled=True, deterministic=True):  # raises where torch's settings disagree
                assert torch.get_float32_matmul_precision() == ("high" if found else "highest")
            with precision.arithmetic("tf32", CPU):
                assert tf32() == (found, found)
        assert tf32() == before


def test_inside_a_block_alone(restored):
    set_float32("high", True)
    with products("float32", CUDA):
        assert tf32() == (False, False)
    assert tf32() == (True, True)
    with products("float32", CPU):
        assert tf32() == (True, True)


def test_denormals_are_zero_inside_a_block_alone():
    weights = torch.full((4,), 1e-37)

    def small():
        return bool((weights.mul(0.01).mul(100) == 0).all())

    assert not small()
    with denormals_flushed(CUDA):
        assert not small()
    with denormals_flushed(CPU):
        assert small()
        with denormals_flushed(CPU):
            assert small()
        assert small()
    assert not small()
