"""Streams of randomness: stable, and independent of each other."""

import torch

from ganzoo.training.seeding import derive, generator


def test_a_seed_is_the_same_on_every_machine():
    assert derive(0, "turns") == 4797969190344171317


def test_purposes_have_streams_of_their_own():
    seeds = {derive(seed, purpose) for seed in range(50) for purpose in ("turns", "samples", "global")}
    assert len(seeds) == 150
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_stream_leaves_the_global_one_alone():
    before = torch.get_rng_state()
    torch.randn(3, generator=generator(1, "turns"))
    assert torch.equal(before, torch.get_rng_state())
