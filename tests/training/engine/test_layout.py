"""Convolutions of a single channel get their arguments as these lay when they were recorded."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d
from torch.utils._python_dispatch import TorchDispatchMode

from ganzoo.training.engine import program
from ganzoo.training.engine.program import Program
from ganzoo.training.engine.tape import record

CHANNELS_LAST = torch.channels_last


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """A convolution of what lies both ways is left alone, as on CUDA."""
    monkeypatch.setattr(torch.Tensor, "is_cuda", True)


def restrided(module):
    """``module`` whose results have other strides in dimensions of size one, as a compiler leaves them."""

    def run(*given):
        return [result.as_strided(result.shape, _lost(result)) for result in module(*given)]

    return run


def _lost(tensor):
    return [7 if size == 1 else stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True)]


def test_a_single_channel_is_told_by_its_strides(as_on_a_gpu):
    weight = torch.empty(4, 1, 3, 3, memory_format=CHANNELS_LAST).normal_()
    images, output = torch.randn(2, 1, 5, 5), torch.empty(2, 4, 3, 3)
    tape = record(lambda: output.copy_(conv2d(images, weight * 2)))
    made = Program(tape, restrided)
    sizes = [stretch.size for stretch in made.stretches]
    assert sizes == [1, 1, 1]  # the product, the convolution, the copy
    opaque = [operation for operation in tape.operations if program._is_opaque(operation)]
    assert [operation.name for operation in opaque] == ["aten.convolution.default"]
    expected = output.clone()
    output.zero_()
    made.play()
    assert torch.equal(output, expected)


def test_a_convolution_gets_the_strides_of_the_recording(as_on_a_gpu, monkeypatch):
    weight = torch.empty(4, 1, 3, 3, memory_format=CHANNELS_LAST).normal_()
    images, output = torch.randn(2, 1, 5, 5), torch.empty(2, 4, 3, 3)
    made = Program(record(lambda: output.copy_(conv2d(images, weight * 2))), restrided)
    given = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            if "convolution" in str(function):
                given.append(args[1].stride())
            return function(*args, **(kwargs or {}))

    with Watch():
        made.play()
    assert given == [weight.stride()]


def test_tensors_are_laid_as_they_were_where_only_sizes_of_one_differ():
    lay = torch.empty(4, 1, 3, 3, memory_format=CHANNELS_LAST)
    key = program.key_of(lay)
    other = torch.randn(4, 1, 3, 3).transpose(2, 3)
    assert program._laid(other, key) is other  # its rows and columns lie otherwise, which strides alone do not mend
    lost = lay.as_strided(lay.shape, (9, 5, 3, 1))
    assert program._laid(lost, key).stride() == lay.stride()


def test_more_channels_are_left_to_the_compiler(as_on_a_gpu):
    images, weight = torch.randn(2, 3, 5, 5), torch.randn(4, 3, 3, 3)
    tape = record(lambda: conv2d(images, weight))
    assert not any(program._is_opaque(operation) for operation in tape.operations)


def test_on_a_cpu_the_compiler_takes_it():
    images, layer = torch.randn(2, 1, 5, 5), nn.Conv2d(1, 4, 3)
    with torch.no_grad():
        tape = record(lambda: layer(images))
    assert not any(program._is_opaque(operation) for operation in tape.operations)
