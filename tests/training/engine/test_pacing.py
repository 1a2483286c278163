"""Batches where iterations are replayed: the host announces what it does not draw, and the sequence stays the same."""

import pytest
import torch
from toys.playing import SIZE, differences, make_batcher, make_engine, play

from ganzoo.data import DataInfo
from ganzoo.data.images import ImageSet
from ganzoo.data.streaming import StreamBatcher
from ganzoo.errors import GanzooError
from ganzoo.game import DataNeeds
from ganzoo.training.engine.capture import tape_recorder
from ganzoo.training.engine.tape import record
from ganzoo.training.engine.tiers import Graph

CPU = torch.device("cpu")


def streamed(seed=3):
    rng = torch.Generator().manual_seed(seed)
    images = ImageSet(torch.randint(256, (SIZE, 1, 4, 4), generator=rng, dtype=torch.uint8))
    info = DataInfo(name="toy", channels=1, height=4, width=4, sizes=(("train", SIZE),))
    return StreamBatcher({"images": images}, info=info, batch_size=4, seed=0, device=CPU, workers=0)


@pytest.fixture(params=["resident", "streamed"])
def make(request):
    return streamed if request.param == "streamed" else lambda: make_batcher(DataNeeds())


def test_announcing_again_is_a_replay_where_nothing_was_drawn(make):
    batcher = make()
    batcher.prepare(2)
    batcher.prepare(2)
    assert batcher.drawn == 16
    batcher.draw()
    with pytest.raises(GanzooError, match="2 batches were announced and 1 drawn"):
        batcher.prepare(2)
    batcher.draw()
    batcher.prepare(2)
    assert batcher.drawn == 24


def test_no_more_is_drawn_than_was_announced_last(make):
    batcher = make()
    batcher.prepare(3)
    batcher.prepare(1)
    batcher.draw()
    with pytest.raises(GanzooError, match="no batch is ready"):
        batcher.draw()


def test_recorded_draws_go_on_through_the_sequence_and_across_epochs(make):
    plain, replaying = make(), make()
    seen = torch.zeros(2, 4, 1, 4, 4)

    def body():
        for row in seen:
            row.copy_(replaying.draw()["images"])

    replaying.prepare(2)
    tape = record(body)
    for turn in range(8):  # 16 batches of 4, of 24 images
        if turn:
            replaying.prepare(2)
            tape.play()
        plain.prepare(2)
        for row in seen:
            assert torch.equal(row, plain.draw()["images"])
    assert plain.drawn == replaying.drawn == 64


def test_a_replay_of_streamed_batches_is_the_eager_iteration_to_the_bit():
    with streamed() as eager, streamed() as replayed:
        expected = play(make_engine("critic", batcher=eager), 7)
        engine = make_engine("critic", batcher=replayed)
        assert differences(expected, play(engine, 7, Graph(engine.cycle, tape_recorder, span=3))) == []
