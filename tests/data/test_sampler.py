"""Exact epochs, constant shape, and one integer of state."""

from __future__ import annotations

import pytest
import torch

from ganzoo.data.sampler import EpochOrder, EpochRing

CPU = torch.device("cpu")


def order(size: int, seed: int = 0, name: str = "set") -> EpochOrder:
    return EpochOrder(size, seed=seed, name=name)


def ring(size: int, batch_size: int, rounds: int = 1, rank: int = 0, world: int = 1, seed: int = 0) -> EpochRing:
    span = rounds * batch_size * world
    return EpochRing(order(size, seed), batch_size=batch_size, span=span, device=CPU, rank=rank, world=world)


def draws(ring: EpochRing, count: int, *, stride: int, start: int = 0) -> list[torch.Tensor]:
    """``count`` draws, with a refill before each."""
    found = []
    for index in range(count):
        ring.refill(start + index * stride)
        found.append(ring.draw())
    return found


class TestOrder:
    """The sequence on the host."""

    def test_an_epoch_is_a_permutation(self) -> None:
        assert order(100).permutation(3).sort().values.tolist() == list(range(100))

    def test_it_is_shuffled(self) -> None:
        assert order(100).permutation(0).tolist() != list(range(100))

    @pytest.mark.parametrize("other", [order(100, seed=1), order(100, name="other")])
    def test_seeds_and_names_differ(self, other: EpochOrder) -> None:
        assert not torch.equal(order(100).permutation(0), other.permutation(0))

    def test_epochs_differ(self) -> None:
        assert not torch.equal(order(100).permutation(0), order(100).permutation(1))

    def test_it_is_the_same_in_every_process(self) -> None:
        assert order(10).permutation(0).tolist() == [8, 3, 2, 6, 1, 7, 4, 0, 5, 9]

    def test_the_global_state_is_left_alone(self) -> None:
        before = torch.random.get_rng_state()
        order(10).permutation(0)
        ring(10, 4).draw()
        assert torch.equal(torch.random.get_rng_state(), before)

    @pytest.mark.parametrize(("start", "count"), [(0, 7), (5, 5), (8, 30), (23, 1), (6, 7)])
    def test_indices_cross_borders(self, start: int, count: int) -> None:
        epochs = torch.cat([order(7).permutation(epoch) for epoch in range(8)])
        assert torch.equal(order(7).indices(start, count), epochs[start : start + count])


class TestRing:
    """The sequence on the device."""

    @pytest.mark.parametrize("size", [1, 2, 5, 12, 13, 64, 100])
    @pytest.mark.parametrize("batch_size", [1, 4, 12, 50])
    @pytest.mark.parametrize("rounds", [1, 3])
    def test_each_epoch_is_drawn_exactly(self, size: int, batch_size: int, rounds: int) -> None:
        sampler = ring(size, batch_size, rounds)
        found = []
        for iteration in range(12):
            sampler.refill(iteration * rounds * batch_size)
            found += [sampler.draw() for _ in range(rounds)]
        sequence = torch.cat(found)
        for epoch in sequence.split(size)[: len(sequence) // size]:
            assert epoch.sort().values.tolist() == list(range(size))

    @pytest.mark.parametrize("size", [5, 13, 100])
    def test_it_is_the_sequence_of_the_host(self, size: int) -> None:
        found = torch.cat(draws(ring(size, 8), 20, stride=8))
        assert torch.equal(found, order(size).indices(0, 160))

    @pytest.mark.parametrize("drawn", [0, 1, 8, 12, 13, 14, 999, 10**6])
    def test_it_goes_on_from_any_number_drawn(self, drawn: int) -> None:
        sampler = ring(13, 8)
        sampler.seek(drawn)
        assert torch.equal(torch.cat(draws(sampler, 5, stride=8, start=drawn)), order(13).indices(drawn, 40))

    def test_it_goes_back(self) -> None:
        sampler = ring(13, 8)
        first = draws(sampler, 6, stride=8)
        sampler.seek(0)
        assert all(torch.equal(a, b) for a, b in zip(first, draws(sampler, 6, stride=8), strict=True))

    @pytest.mark.parametrize("world", [1, 2, 3])
    @pytest.mark.parametrize("size", [10, 29])
    def test_ranks_share_one_sequence(self, world: int, size: int) -> None:
        ranks = [draws(ring(size, 4, rank=rank, world=world), 15, stride=4 * world) for rank in range(world)]
        together = torch.cat([batch for batches in zip(*ranks, strict=True) for batch in batches])
        assert torch.equal(together, order(size).indices(0, 60 * world))

    @pytest.mark.parametrize(("size", "batch_size"), [(3, 64), (1, 5), (64, 64)])
    def test_a_batch_may_be_larger_than_the_set(self, size: int, batch_size: int) -> None:
        batches = draws(ring(size, batch_size), 4, stride=batch_size)
        assert [batch.shape for batch in batches] == [(batch_size,)] * 4
        assert torch.equal(torch.cat(batches), order(size).indices(0, 4 * batch_size))

    def test_memory_stays_where_it_is(self) -> None:
        sampler = ring(7, 4)
        tensors = (sampler._ring, sampler._cursor, sampler._offsets)
        places = [tensor.data_ptr() for tensor in tensors]
        draws(sampler, 10, stride=4)
        sampler.seek(123)
        assert [tensor.data_ptr() for tensor in (sampler._ring, sampler._cursor, sampler._offsets)] == places

    def test_a_refill_changes_nothing_that_is_still_to_come(self) -> None:
        often, once = ring(10, 4, rounds=6), ring(10, 4, rounds=6)
        once.refill(0)
        expected = [once.draw() for _ in range(6)]
        assert all(torch.equal(a, b) for a, b in zip(draws(often, 6, stride=4), expected, strict=True))

    def test_a_draw_never_asks_the_host(self) -> None:
        sampler = EpochRing(order(10), batch_size=4, span=4, device=torch.device("meta"))
        assert sampler.draw().shape == (4,)  # a meta tensor has no value that could be asked for
