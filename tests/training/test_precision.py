"""Which arithmetic a run gets."""

import pytest
import torch

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


def test_float32_on_cuda_is_float32(machine, monkeypatch):
    machine()
    matmul, conv = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    before = matmul.fp32_precision, conv.fp32_precision
    try:
        for asked, form in (("tf32", "tf32"), ("fp32", "ieee"), ("bf16", "ieee")):
            precision.set_arithmetic(asked, CUDA)
            assert (matmul.fp32_precision, conv.fp32_precision) == (form, form)
        precision.set_arithmetic("tf32", CPU)
        assert (matmul.fp32_precision, conv.fp32_precision) == ("ieee", "ieee")
    finally:
        matmul.fp32_precision, conv.fp32_precision = before
