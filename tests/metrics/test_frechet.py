"""Moments against numpy, the Frechet distance against closed forms and scipy's matrix root."""

import numpy
import pytest
import torch

from ganzoo.errors import ConfigError
from ganzoo.metrics.frechet import frechet_distance, trace_of_root
from ganzoo.metrics.moments import Moments


def features(n, dim, *, seed=0, scale=1.0, shift=0.0):
    rng = torch.Generator().manual_seed(seed)
    mix = torch.randn(dim, dim, generator=rng, dtype=torch.float64)
    return torch.randn(n, dim, generator=rng, dtype=torch.float64) @ mix * scale + shift


def reference(x, y):
    linalg = pytest.importorskip("scipy.linalg")
    a, b = numpy.cov(x.numpy(), rowvar=False), numpy.cov(y.numpy(), rowvar=False)
    shift = ((x.mean(0) - y.mean(0)) ** 2).sum().item()
    return shift + numpy.trace(a) + numpy.trace(b) - 2 * numpy.trace(linalg.sqrtm(a @ b)).real


@pytest.mark.parametrize("sizes", [(1000,), (1, 999), (300, 0, 1, 699), (10,) * 100])
def test_moments_do_not_depend_on_the_batches(sizes):
    x = features(1000, 7, shift=1e4)  # far from zero, where the naive formula loses all digits
    moments = Moments(7)
    for part in x.split(sizes):
        moments.update(part)
    assert moments.count == 1000
    numpy.testing.assert_allclose(moments.mean, x.numpy().mean(0), rtol=1e-12)
    numpy.testing.assert_allclose(moments.covariance, numpy.cov(x.numpy(), rowvar=False), rtol=1e-8)


def test_merged_moments_are_those_of_all_samples():
    x = features(500, 5)
    merged = Moments.of(x[:200])
    merged.merge(Moments.of(x[200:]))
    assert torch.allclose(merged.covariance, Moments.of(x).covariance, rtol=1e-12)


@pytest.mark.parametrize("dim", [3, 64])
def test_agrees_with_the_general_matrix_root(dim):
    x, y = features(2000, dim), features(2000, dim, seed=1, scale=1.3, shift=0.2)
    assert frechet_distance(Moments.of(x), Moments.of(y)) == pytest.approx(reference(x, y), rel=1e-8)


def test_equal_sets_have_no_distance_and_order_does_not_matter():
    x, y = Moments.of(features(500, 20)), Moments.of(features(500, 20, seed=1))
    scale = x.covariance.trace().item()
    assert frechet_distance(x, x) < 1e-10 * scale
    assert frechet_distance(x, y) == pytest.approx(frechet_distance(y, x), rel=1e-10)


def test_one_dimension_in_closed_form():
    x = torch.tensor([[-1.0], [1.0]], dtype=torch.float64)  # mean 0, variance 2
    y = x * 3 + 5  # mean 5, variance 18
    assert frechet_distance(Moments.of(x), Moments.of(y)) == pytest.approx(25 + (18**0.5 - 2**0.5) ** 2)


def exactly(x, y):
    """The trace from the features: of rank-deficient products the general root loses half of the digits, this none."""
    factors = [torch.linalg.qr(z - z.mean(0), mode="r").R / (len(z) - 1) ** 0.5 for z in (x, y)]
    return torch.linalg.svdvals(factors[0] @ factors[1].T).sum().item()


def traced(x, y):
    """The trace from the moments, as the Frechet distance takes it."""
    a, b = Moments.of(x), Moments.of(y)
    return trace_of_root(a.covariance, b.covariance, ranks=(a.count - 1, b.count - 1)).item()


@pytest.mark.parametrize("decades", [0, 3, 6])
@pytest.mark.parametrize("sizes", [(30, 40), (40, 30), (30, 30), (30, 200), (200, 30), (48, 49), (2, 3), (50, 50)])
def test_fewer_samples_than_features_are_exact_too(sizes, decades):
    scales = torch.logspace(0, -decades, 50, dtype=torch.float64)
    x, y = (features(n, 50, seed=seed) * scales for seed, n in enumerate(sizes))
    assert traced(x, y) == pytest.approx(exactly(x, y), rel=1e-10)


@pytest.mark.parametrize("sizes", [(30, 40), (40, 30)])
def test_matrices_whose_ranks_are_not_told_are_factored_by_their_eigenvalues(sizes):
    x, y = (features(n, 50, seed=seed) for seed, n in enumerate(sizes))
    found = trace_of_root(Moments.of(x).covariance, Moments.of(y).covariance).item()
    assert found == pytest.approx(exactly(x, y), rel=1e-7)


@pytest.mark.parametrize("decades", [0, 3, 6])
@pytest.mark.parametrize("order", ["falling", "rising", "mixed"])
def test_features_of_very_different_sizes_are_exact_too(decades, order):
    sizes = torch.logspace(0, -decades, 50, dtype=torch.float64)
    if order == "rising":
        sizes = sizes.flip(0)
    if order == "mixed":
        sizes = sizes[torch.randperm(50, generator=torch.Generator().manual_seed(0))]
    x, y = features(200, 50) * sizes, features(300, 50, seed=1) * sizes
    assert traced(x, y) == pytest.approx(exactly(x, y), rel=1e-10)


def test_images_that_are_all_the_same_have_no_spread():
    still = Moments.of(torch.ones(60, 50, dtype=torch.float64))
    moving = Moments.of(features(200, 50))
    for a, b in ((still, moving), (moving, still), (still, still)):
        assert trace_of_root(a.covariance, b.covariance).item() == 0


@pytest.mark.parametrize("sizes", [(200, 300), (30, 40), (40, 30)])
def test_dead_features_do_no_harm(sizes):
    x, y = (features(n, 50, seed=seed) for seed, n in enumerate(sizes))
    x[:, 2:9], y[:, 7:20] = 0, 1
    assert traced(x, y) == pytest.approx(exactly(x, y), rel=1e-10)
    assert frechet_distance(Moments.of(x), Moments.of(x)) < 1e-10 * Moments.of(x).covariance.trace()


@pytest.mark.parametrize("sizes", [(200, 300), (30, 40), (40, 30)])
def test_features_that_repeat_each_other_do_no_harm(sizes):
    x, y = (features(n, 50, seed=seed) for seed, n in enumerate(sizes))
    x[:, 30:], y[:, 30:] = x[:, :20], y[:, :20]
    assert traced(x, y) == pytest.approx(exactly(x, y), rel=1e-7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Moments(3).covariance, "at least 2 samples"),
        (lambda: Moments(3).update(torch.zeros(2, 4)), r"\(2, 4\); it must be \(N, 3\)"),
        (lambda: Moments.of(torch.full((2, 3), float("nan"))), "NaN or infinite"),
        (
            lambda: frechet_distance(Moments.of(features(9, 2)), Moments.of(features(9, 3))),
            "different lengths, 2 and 3",
        ),
    ],
)
def test_what_does_not_fit_is_told(call, message):
    with pytest.raises(ConfigError, match=message):
        call()
