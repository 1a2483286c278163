"""The shipped feature extractor can be trained again, and a bad one does not take its place."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import torch

from ganzoo.data import ImageSet
from ganzoo.metrics import mnist_cnn

from .conftest import load

features = load("train_features")


def noise(count: int) -> ImageSet:
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(256, (count, 1, 28, 28), generator=rng, dtype=torch.uint8)
    return ImageSet(images, torch.randint(10, (count,), generator=rng))


def test_two_trainings_give_the_same_bits_and_learn() -> None:
    told: list[tuple[int, bool]] = []
    images = noise(200)

    def train() -> mnist_cnn.MnistCNN:
        torch.rand(3)  # whatever has been drawn before
        return features.fit(images, epochs=3, after_epoch=lambda epoch, net: told.append((epoch, net.training)))

    one, other = train(), train()
    assert told == [(1, False), (2, False), (3, False)] * 2
    assert not one.training
    fresh = mnist_cnn.MnistCNN().state_dict()
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])
        assert tensor.dtype != torch.float32 or not torch.equal(tensor, fresh[name])


def test_what_reads_too_few_is_not_written(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(features, "find_source", lambda options: SimpleNamespace(load=lambda split: noise(200)))
    before = mnist_cnn.WEIGHTS.read_bytes()
    out = tmp_path / "new" / "weights.safetensors"
    words = ["--epochs", "1", "--out", str(out)]
    assert features.main(words) == 1
    assert "below the 99.4% asked: not written" in capsys.readouterr().err
    assert not out.exists()
    monkeypatch.setattr(features, "LEAST", 0.0)
    assert features.main(words) == 0
    assert mnist_cnn.load(out).digest in capsys.readouterr().out
    assert mnist_cnn.WEIGHTS.read_bytes() == before
