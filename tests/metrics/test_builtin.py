"""Every metric that ganzoo supplies: samples that are the real images, an independent reference, and its warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy
import pytest
import torch

from ganzoo.metrics import measures
from ganzoo.metrics.builtin import ganzoo_extractors, ganzoo_metrics
from ganzoo.metrics.evidence import Estimate, Evidence
from ganzoo.metrics.features import FeatureSet
from ganzoo.registry import MetricSpec, load_builder

SPECS = {spec.name: spec for spec in ganzoo_metrics()}

Make = Callable[..., FeatureSet]


def evidence(fake: FeatureSet, real: FeatureSet, training: FeatureSet | None = None) -> Evidence:
    return Evidence(fake, real, training, torch.Generator().manual_seed(0))


def measure(name: str, given: Evidence) -> dict[str, float]:
    """The figures by name, without their errors."""
    found = load_builder(SPECS[name])(given)
    return {figure: value.value if isinstance(value, Estimate) else value for figure, value in found.items()}


def even_and_sure(n: int, classes: int) -> torch.Tensor:
    return 100 * torch.eye(classes).repeat(n // classes, 1)


IDENTITY = {
    "fid": {"fid": 0},
    "kid": {"kid": pytest.approx(0, abs=0.1)},  # unbiased, so a set against itself is a little below 0
    "inception-score": {"is": 10},
    "precision-recall": {"precision": 1, "recall": 1},
    "density-coverage": {"density": 1.2, "coverage": 1},  # in 5 other balls and in its own
    "mode-count": {"modes": 10, "kl": 0, "least": 1, "most": 1, "confident": 1},
    "memorisation": {"copying": 0.5, "nn-ratio": 1},
}


@pytest.mark.parametrize("name", SPECS)
def test_samples_that_are_the_real_images(name: str, feature_set: Make) -> None:
    real = FeatureSet(feature_set(300).vectors, even_and_sure(300, 10))
    assert measure(name, evidence(real, real, feature_set(200, seed=1))) == pytest.approx(IDENTITY[name], abs=1e-6)


def test_a_metric_gives_all_its_figures_and_no_two_metrics_share_one(feature_set: Make) -> None:
    given = evidence(feature_set(60), feature_set(60, seed=1), feature_set(90, seed=2))
    for name, spec in SPECS.items():
        assert set(measure(name, given)) == {figure.name for figure in spec.figures}
    figures = Counter(figure.name for spec in SPECS.values() for figure in spec.figures)
    assert set(figures.values()) == {1}


@pytest.mark.parametrize("spec", [*ganzoo_metrics(), *ganzoo_extractors()], ids=lambda spec: spec.name)
def test_every_builder_is_there(spec: MetricSpec) -> None:
    assert callable(load_builder(spec))


def fid_of_torch_fidelity(given: Evidence) -> dict[str, float]:
    module = pytest.importorskip("torch_fidelity.metric_fid")
    one, two = (module.fid_features_to_statistics(each.vectors.double()) for each in (given.fake, given.real))
    return {"fid": module.fid_statistics_to_metric(one, two, verbose=False)["frechet_inception_distance"]}


def fid_of_torchmetrics(given: Evidence) -> dict[str, float]:
    module = pytest.importorskip("torchmetrics.image.fid")
    one, two = (each.vectors.double() for each in (given.fake, given.real))
    return {"fid": module._compute_fid(one.mean(0), one.T.cov(), two.mean(0), two.T.cov()).item()}


def kid_of_torch_fidelity(given: Evidence) -> dict[str, float]:
    module = pytest.importorskip("torch_fidelity.metric_kid")
    found = module.kid_features_to_metric(
        given.real.vectors.double(), given.fake.vectors.double(), kid_subsets=2, kid_subset_size=len(given.fake)
    )
    return {"kid": found["kernel_inception_distance_mean"]}


def kid_of_torchmetrics(given: Evidence) -> dict[str, float]:
    module = pytest.importorskip("torchmetrics.image.kid")
    return {"kid": module.poly_mmd(given.real.vectors.double(), given.fake.vectors.double()).item()}


def score_of_torch_fidelity(given: Evidence) -> dict[str, float]:
    module = pytest.importorskip("torch_fidelity.metric_isc")
    return {"is": module.isc_features_to_metric(given.fake.logits, splits=10, shuffle=False)["inception_score_mean"]}


def precision_of_torch_fidelity(given: Evidence) -> dict[str, float]:
    module = pytest.importorskip("torch_fidelity.metric_prc")
    found = module.prc_features_to_metric(
        given.fake.vectors.double(), given.real.vectors.double(), prc_neighborhood=3, verbose=False
    )
    return {name: found[name] for name in ("precision", "recall")}


def prdc(given: Evidence, k: int) -> dict[str, float]:
    module = pytest.importorskip("prdc")
    return module.compute_prdc(given.real.vectors.double().numpy(), given.fake.vectors.double().numpy(), nearest_k=k)


def precision_of_prdc(given: Evidence) -> dict[str, float]:
    found = prdc(given, 3)
    return {name: found[name] for name in ("precision", "recall")}


def density_of_prdc(given: Evidence) -> dict[str, float]:
    found = prdc(given, 5)
    return {name: found[name] for name in ("density", "coverage")}


def modes_of_scipy(given: Evidence) -> dict[str, float]:
    pytest.importorskip("scipy")
    from scipy.special import softmax
    from scipy.stats import entropy

    probabilities = softmax(given.fake.logits.double().numpy(), axis=1)
    counts = numpy.bincount(probabilities.argmax(1), minlength=10)
    return {
        "modes": numpy.count_nonzero(counts),
        "kl": entropy(counts, numpy.ones(10)),
        "least": 10 * counts.min() / counts.sum(),
        "most": 10 * counts.max() / counts.sum(),
        "confident": (probabilities.max(1) > 0.9).mean(),
    }


def copying_of_scipy(given: Evidence) -> dict[str, float]:
    pytest.importorskip("scipy")
    from scipy.spatial.distance import cdist
    from scipy.stats import mannwhitneyu

    training = given.training.vectors.double().numpy()
    fake, unseen = (cdist(each.vectors.double().numpy(), training).min(1) for each in (given.fake, given.real))
    return {
        "copying": mannwhitneyu(unseen, fake).statistic / (len(unseen) * len(fake)),
        "nn-ratio": numpy.median(fake) / numpy.median(unseen),
    }


REFERENCES = [
    ("fid", fid_of_torch_fidelity),
    ("fid", fid_of_torchmetrics),
    ("kid", kid_of_torch_fidelity),
    ("kid", kid_of_torchmetrics),
    ("inception-score", score_of_torch_fidelity),
    ("precision-recall", precision_of_torch_fidelity),
    ("precision-recall", precision_of_prdc),
    ("density-coverage", density_of_prdc),
    ("mode-count", modes_of_scipy),
    ("memorisation", copying_of_scipy),
]


@pytest.mark.parametrize(("name", "reference"), REFERENCES, ids=[each.__name__ for _, each in REFERENCES])
def test_agrees_with_an_independent_reference(
    name: str, reference: Callable[[Evidence], dict[str, float]], feature_set: Make
) -> None:
    given = evidence(feature_set(300, shift=0.3), feature_set(300, seed=1), feature_set(200, seed=2))
    assert measure(name, given) == pytest.approx(reference(given), rel=1e-4)


def test_every_metric_has_an_identity_and_a_reference() -> None:
    assert {name for name, _ in REFERENCES} == IDENTITY.keys() == SPECS.keys()


def test_the_error_of_the_score_is_that_of_the_mean_of_its_parts(feature_set: Make) -> None:
    module = pytest.importorskip("torch_fidelity.metric_isc")
    given = evidence(feature_set(300), feature_set(300))
    theirs = module.isc_features_to_metric(given.fake.logits, splits=10, shuffle=False)["inception_score_std"]
    # Theirs divides by the number of parts, a sample's by one less: 10 / 9, over the 10 parts.
    assert load_builder(SPECS["inception-score"])(given)["is"].error == pytest.approx(theirs / 9**0.5, rel=1e-4)


def test_subsets_of_most_samples_tell_no_error(feature_set: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "KID_SUBSET", 30)
    kid = load_builder(SPECS["kid"])
    most, half = (kid(evidence(feature_set(n), feature_set(99, seed=1)))["kid"] for n in (59, 60))
    assert isinstance(most, float)
    assert half.error > 0


def test_of_more_real_images_as_many_as_samples_are_taken_and_the_seed_says_which(feature_set: Make) -> None:
    fake, real = feature_set(20), feature_set(500, seed=1)
    recall = measure("precision-recall", evidence(fake, real))["recall"]
    assert recall * 20 == pytest.approx(round(recall * 20))
    coverage = {
        seed: measure("density-coverage", Evidence(fake, real, None, torch.Generator().manual_seed(seed)))["density"]
        for seed in range(4)
    }
    assert measure("density-coverage", evidence(fake, real))["density"] == coverage[0]
    assert len(set(coverage.values())) > 1


def test_without_training_images_nothing_is_said_of_copies(feature_set: Make) -> None:
    assert measure("memorisation", evidence(feature_set(9), feature_set(9))) == {}


@pytest.mark.parametrize(
    ("name", "samples", "real", "warning"),
    [
        ("fid", 8, 9, "fid: 8 samples do not span 8 features"),
        ("fid", 9, 8, "fid: 8 real images do not span 8 features"),
        ("fid", 9, 9, None),
        ("kid", 60, 90, "kid: subsets have 60 samples and not the usual 1,000"),
        ("kid", 90, 60, "kid: subsets have 60 samples"),
        ("inception-score", 999, 9, "is: 999 samples in 10 parts are few for 10 classes"),
        ("inception-score", 1000, 9, None),
        ("mode-count", 99, 9, "modes: 99 samples are few for 10 classes"),
        ("mode-count", 100, 9, None),
        ("density-coverage", 21, 20, "coverage: 21 samples are more than the 20 real images"),
        ("density-coverage", 20, 20, None),
        ("density-coverage", 20, 21, None),
        ("precision-recall", 21, 20, "precision, recall: 21 samples are more than the 20 real images"),
        ("precision-recall", 20, 20, None),
        ("precision-recall", 20, 21, None),
        ("memorisation", 20, 20, None),
    ],
)
def test_a_figure_that_is_less_than_it_seems_says_so(
    name: str, samples: int, real: int, warning: str | None, feature_set: Make
) -> None:
    given = evidence(feature_set(samples), feature_set(real, seed=1), feature_set(30, seed=2))
    for _ in range(2):  # said once
        measure(name, given)
    assert len(given.warnings) == (0 if warning is None else 1)
    assert given.warnings == [] or given.warnings[0].startswith(warning)


@pytest.mark.parametrize(
    ("samples", "said"), [(60, []), (59, ["kid: 59 samples are fewer than two subsets of 30, so it has no error; "])]
)
def test_two_subsets_are_enough_for_the_kernel_distance_and_its_error(
    samples: int, said: list[str], feature_set: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measures, "KID_SUBSET", 30)
    given = evidence(feature_set(samples), feature_set(60))
    measure("kid", given)
    assert [sentence.removesuffix("take 60 or more") for sentence in given.warnings] == said


def test_more_samples_than_real_images_make_the_coverage_come_out_high(feature_set: Make) -> None:
    real = feature_set(100)
    coverage = [
        measure("density-coverage", evidence(feature_set(n, seed=1, shift=0.5), real))["coverage"]
        for n in (100, 200, 400)
    ]
    assert coverage[0] < coverage[1] < coverage[2]


def test_real_images_that_are_training_images_give_no_ratio(feature_set: Make) -> None:
    training = feature_set(50)
    given = evidence(feature_set(20, seed=1), training.take(torch.arange(30)), training)
    assert measure("memorisation", given) == {"copying": 0}
    assert given.warnings == ["nn-ratio: left out, because most of the real images are training images"]
