"""What is asked of CUDA for a capture, with stand-ins for its calls: nothing is captured here."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from ganzoo.training.engine.capture import cuda_recorder


@pytest.fixture
def cuda(monkeypatch):
    """Notes what is called; ``cuda.fails`` makes the end of a capture raise."""
    noted = SimpleNamespace(modes=[], pools=[], streams=[], registered=[], fails=False)

    class CUDAGraph:
        def register_generator_state(self, rng):
            noted.registered.append(rng)

        def pool(self):
            return "pool"

        def replay(self):
            return None

    @contextmanager
    def graph(made, *, pool, capture_error_mode):
        noted.pools.append(pool)
        noted.modes.append(capture_error_mode)
        yield
        if noted.fails:
            raise RuntimeError("operation failed due to a previous error during capture")

    monkeypatch.setattr(torch.cuda, "CUDAGraph", CUDAGraph)
    monkeypatch.setattr(torch.cuda, "graph", graph)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: "the stream before")
    monkeypatch.setattr(torch.cuda, "set_stream", noted.streams.append)
    return noted


def test_only_this_thread_is_watched_and_all_graphs_share_a_pool(cuda):
    rng, ran = torch.Generator(), []
    capture = cuda_recorder(rng)
    for name in ("first", "second"):
        capture(lambda name=name: ran.append(name))
    assert ran == ["first", "second"]
    assert cuda.modes == ["thread_local"] * 2
    assert cuda.pools == [None, "pool"]
    assert cuda.registered == [rng, rng]
    assert cuda.streams == []


def test_a_capture_that_fails_gives_the_stream_back(cuda):
    cuda.fails = True
    with pytest.raises(RuntimeError, match="during capture"):
        cuda_recorder()(lambda: None)
    assert cuda.streams == ["the stream before"]
