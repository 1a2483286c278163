"""The moving average against its recurrence, worked out by hand."""

import pytest
import torch
from torch import nn

from ganzoo.training import ema as averages
from ganzoo.training.ema import EMA


class Counted(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.0]))
        self.register_buffer("statistic", torch.tensor([0.0]))
        self.register_buffer("seen", torch.tensor(0))


@pytest.mark.parametrize("alone", [True, False])
def test_follows_its_recurrence_with_the_warm_up_decay(alone, monkeypatch):
    monkeypatch.setattr(averages, "_goes_alone", lambda tensor: alone)  # on a GPU small tensors do not
    source = Counted()
    ema = EMA(source, 0.5)
    expected = 0.0
    for step in range(12):
        with torch.no_grad():
            source.weight.fill_(step + 1.0)
            source.statistic.fill_(step + 1.0)
            source.seen.fill_(step)
        ema.update(torch.tensor(step))
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * (step + 1.0)
    assert ema.module.weight.item() == pytest.approx(expected)
    assert ema.module.statistic.item() == pytest.approx(expected)
    assert ema.module.seen.item() == 11


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_averages_buffers_of_other_precisions(dtype):
    source = Counted()
    source.statistic = source.statistic.to(dtype)
    ema = EMA(source, 0.5)
    source.statistic.fill_(1.0)
    ema.update(torch.tensor(8))
    assert ema.module.statistic.dtype == dtype
    assert ema.module.statistic.item() == 0.5  # the decay is min(0.5, 9 / 18)


def test_neither_shares_memory_with_its_source_nor_wants_gradients():
    source = Counted()
    ema = EMA(source, 0.9)
    assert not ema.module.weight.requires_grad
    with torch.no_grad():
        source.weight.fill_(7.0)
    assert ema.module.weight.item() == 0.0
