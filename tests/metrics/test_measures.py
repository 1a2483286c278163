"""Each measure: the identity case, a case worked out by hand, an independent reference, and what it refuses."""

import doctest
import importlib
import inspect
import pkgutil

import numpy
import pytest
import torch

import ganzoo.metrics
from ganzoo.errors import ConfigError
from ganzoo.metrics import classes, copying, distances, frechet, kernel, manifold
from ganzoo.metrics.classes import count_modes, inception_score, stacked_logits
from ganzoo.metrics.kernel import kernel_distance
from ganzoo.metrics.manifold import manifold_scores


def normal(n, dim=8, *, seed=0, shift=0.0):
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + shift


def rng():
    return torch.Generator().manual_seed(3)


HALVES = {"subsets": 20, "subset_size": 100}


class TestKernelDistance:
    def test_agrees_with_the_sum_written_out(self):
        x, y = normal(6, 3), normal(6, 3, seed=1, shift=0.5)

        def k(a, b):
            return (float(a @ b) / 3 + 1) ** 3

        within = sum(k(s[i], s[j]) for s in (x, y) for i in range(6) for j in range(6) if i != j) / 30
        across = sum(k(a, b) for a in x for b in y) / 36
        estimate = kernel_distance(x, y, rng(), subsets=1, subset_size=6)
        assert estimate.mean == pytest.approx(within - 2 * across, rel=1e-12)

    def test_agrees_with_torchmetrics(self):
        kid = pytest.importorskip("torchmetrics.image.kid")
        x, y = normal(300), normal(300, seed=1, shift=0.2)
        ours = kernel_distance(x, y, rng(), subsets=1, subset_size=300).mean
        assert ours == pytest.approx(kid.poly_mmd(x, y).item(), rel=1e-4)

    def test_one_distribution_is_at_zero_within_its_error_and_another_is_not(self):
        same = kernel_distance(normal(4000), normal(4000, seed=1), rng(), subsets=8, subset_size=500)
        other = kernel_distance(normal(4000), normal(4000, seed=1, shift=0.3), rng(), subsets=8, subset_size=500)
        assert abs(same.mean) < 4 * same.error
        assert other.mean > 5 * other.error

    def test_the_error_counts_what_the_subsets_share(self):
        x, y = normal(20), normal(30, seed=1)
        one, two = (kernel_distance(x, y, rng(), subsets=subsets, subset_size=5).mean for subsets in (1, 2))
        deviation = abs(one - (2 * two - one)) / 2**0.5  # of the first subset and of the second
        error = kernel_distance(x, y, rng(), subsets=2, subset_size=5).error
        assert error == pytest.approx(deviation * (1 / 2 + 5 / 15) ** 0.5)

    def test_the_error_is_how_far_other_samples_of_the_same_distributions_lie(self):
        drawn = [
            kernel_distance(normal(200, 4, seed=i), normal(200, 4, seed=i + 99, shift=0.5), rng(), **HALVES)
            for i in range(40)
        ]
        scattered = numpy.std([found.mean for found in drawn], ddof=1)
        told = numpy.sqrt(numpy.mean([found.error**2 for found in drawn]))
        assert 0.6 < told / scattered < 1.6

    @pytest.mark.parametrize("subsets", [{"subsets": 1, "subset_size": 5}, {"subsets": 3, "subset_size": 6}])
    def test_one_subset_and_subsets_of_most_samples_have_no_error(self, subsets):
        assert kernel_distance(normal(10), normal(20), rng(), **subsets).error is None

    @pytest.mark.parametrize("size", [1, 11])
    def test_a_subset_must_fit(self, size):
        with pytest.raises(ConfigError, match="does not fit into 10 samples"):
            kernel_distance(normal(10), normal(20), rng(), subset_size=size)


class TestManifoldScores:
    def test_equal_sets(self):
        scores = manifold_scores(normal(200), normal(200))
        assert (scores.precision, scores.recall, scores.coverage) == (1.0, 1.0, 1.0)

    def test_sets_far_apart(self):
        assert manifold_scores(normal(50), normal(50, shift=100.0)) == (0.0, 0.0, 0.0, 0.0)

    def test_by_hand(self):
        real = torch.tensor([[0.0], [1.0], [10.0]])  # radii at k = 1: 1, 1, 9
        fake = torch.tensor([[0.5], [0.6], [30.0]])  # radii 0.1, 0.1, 29.4
        scores = manifold_scores(real, fake, k=1)
        # 0.5 lies in the balls of 0 and 1 (|10 - 0.5| > 9); 0.6 also; 30 in none.
        assert scores.precision == pytest.approx(2 / 3)
        assert scores.density == pytest.approx(4 / 3)
        assert scores.coverage == pytest.approx(2 / 3)
        # 1 and 10 lie within 29.4 of 30, and 0 does not.
        assert scores.recall == pytest.approx(2 / 3)

    def test_agrees_with_plain_numpy_over_chunks(self, monkeypatch):
        monkeypatch.setattr(distances, "_ELEMENTS", 7 * 50)
        x, y, k = normal(60).numpy(), normal(50, seed=1, shift=0.5).numpy(), 5
        d = {
            (a, b): numpy.linalg.norm(p[:, None] - q[None], axis=2)
            for a, p in (("x", x), ("y", y))
            for b, q in (("x", x), ("y", y))
        }
        rx, ry = numpy.sort(d["x", "x"])[:, k], numpy.sort(d["y", "y"])[:, k]
        inside = d["x", "y"] <= rx[:, None]
        expected = (
            inside.any(0).mean(),
            (d["x", "y"] <= ry[None]).any(1).mean(),
            inside.sum(0).mean() / k,
            inside.any(1).mean(),
        )
        assert manifold_scores(torch.from_numpy(x), torch.from_numpy(y), k=k) == pytest.approx(expected, rel=1e-12)

    @pytest.mark.parametrize("k", [0, 5])
    def test_k_must_fit(self, k):
        with pytest.raises(ConfigError, match=f"nearest neighbour number {k} is"):
            manifold_scores(normal(5), normal(9), k=k)


class TestClasses:
    def test_the_score_is_one_for_equal_samples_and_the_number_of_classes_for_sure_and_even_ones(self):
        assert inception_score(torch.zeros(50, 10)).mean == pytest.approx(1.0)
        assert inception_score(torch.eye(10).repeat(10, 1) * 1e3, splits=10).mean == pytest.approx(10.0)

    def test_the_score_by_hand(self):
        p = torch.tensor([[0.9, 0.1], [0.3, 0.7]], dtype=torch.float64)
        marginal = p.mean(0)
        expected = (p * (p / marginal).log()).sum(1).mean().exp().item()
        assert inception_score(p.log(), splits=1) == (pytest.approx(expected), None)

    def test_the_deviation_over_the_parts_is_that_of_a_sample(self):
        logits = 3 * normal(20)
        one, two = (inception_score(part, splits=1).mean for part in logits.split(10))
        assert inception_score(logits, splits=2).deviation == pytest.approx(abs(one - two) / 2**0.5)

    @pytest.mark.filterwarnings("ignore")  # of torchmetrics: that it keeps the logits, and a deviation of one value
    def test_the_score_agrees_with_torchmetrics(self):
        inception = pytest.importorskip("torchmetrics.image.inception")
        logits = 3 * normal(200)
        theirs = inception.InceptionScore(feature=torch.nn.Identity(), splits=1)
        theirs.update(logits)
        assert inception_score(logits, splits=1).mean == pytest.approx(theirs.compute()[0].item(), rel=1e-4)

    def test_modes_by_hand(self):
        logits = torch.tensor([[9.0, 0, 0, 0]] * 3 + [[0, 9.0, 0, 0]] + [[0.1, 0, 0, 0]])
        count = count_modes(logits)
        assert count.modes == 2
        assert count.shares == pytest.approx((0.8, 0.2, 0.0, 0.0))
        assert count.kl == pytest.approx(0.8 * numpy.log(0.8 * 4) + 0.2 * numpy.log(0.2 * 4))
        assert count.confident == pytest.approx(0.8)
        assert count_modes(logits, torch.tensor([0.8, 0.2 - 2e-7, 1e-7, 1e-7])).kl == pytest.approx(0, abs=1e-5)

    def test_even_samples_have_no_divergence(self):
        assert count_modes(torch.eye(10).repeat(7, 1) * 50) == (10, pytest.approx(0), pytest.approx((0.1,) * 10), 1.0)

    def test_a_stack_is_in_its_own_mode(self):
        logits = torch.full((1, 3, 10), -50.0)
        logits[0, 0, 4], logits[0, 1, 0], logits[0, 2, 7] = 50, 50, 50
        joint = stacked_logits(logits)
        assert joint.argmax().item() == 407
        assert joint.exp().sum().item() == pytest.approx(1.0)

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: inception_score(torch.zeros(3, 2), splits=4), "4 splits of 3 samples"),
            (lambda: count_modes(torch.zeros(0, 2)), "no samples"),
            (lambda: count_modes(torch.zeros(1, 2), torch.tensor([1.0, 0.0])), "no distribution"),
            (lambda: manifold_scores(normal(9, 2), normal(9, 3)), "different lengths"),
            (lambda: kernel_distance(normal(9, 2), normal(9, 3), rng()), "different lengths"),
        ],
    )
    def test_what_does_not_fit_is_told(self, call, message):
        with pytest.raises(ConfigError, match=message):
            call()


MODULES = [f"ganzoo.metrics.{module.name}" for module in pkgutil.iter_modules(ganzoo.metrics.__path__)]


def test_the_examples_of_the_docstrings_hold():
    results = {name: doctest.testmod(importlib.import_module(name)) for name in MODULES}
    assert {name: result.failed for name, result in results.items() if result.failed} == {}


FUNCTIONS = [
    function
    for module in (classes, copying, frechet, kernel, manifold)
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if function.__module__ == module.__name__ and not name.startswith("_")
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_every_measure_has_an_example(function):
    (found,) = doctest.DocTestFinder(exclude_empty=False).find(function)
    assert any(example.want for example in found.examples)
