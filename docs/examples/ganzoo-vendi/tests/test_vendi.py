"""The score where it is known, and beside the definition."""

from __future__ import annotations

import pytest
import torch

from ganzoo_vendi.vendi import effective_number


def test_equal_samples_count_as_one() -> None:
    assert effective_number(torch.ones(50, 8)) == pytest.approx(1)


@pytest.mark.parametrize("kinds", [2, 5, 8])
def test_kinds_that_have_nothing_in_common_are_counted(kinds: int) -> None:
    assert effective_number(torch.eye(8)[torch.arange(40 * kinds) % kinds]) == pytest.approx(kinds)


def test_it_equals_the_definition() -> None:
    vectors = torch.randn(30, 6, generator=torch.Generator().manual_seed(0))
    rows = vectors.double() / vectors.double().norm(dim=1, keepdim=True)
    shares = torch.linalg.eigvalsh(rows @ rows.T / 30)
    shares = shares[shares > 1e-12]
    assert effective_number(vectors) == pytest.approx(torch.exp(-(shares * shares.log()).sum()).item())
