"""The metrics and feature extractors that ganzoo itself supplies, declared as a plugin declares its own. No torch."""

from __future__ import annotations

from collections.abc import Sequence

from ganzoo.registry import ExtractorSpec, Figure, MetricSpec, Paper, hookimpl

_MEASURES = "ganzoo.metrics.measures"


@hookimpl
def ganzoo_extractors() -> Sequence[ExtractorSpec]:
    """Two for digits that ship in the package, and the one of the papers."""
    return [
        ExtractorSpec(
            name="mnist-cnn",
            summary="small classifier of MNIST digits, 96 features, 10 classes; ships in the package",
            builder="ganzoo.metrics.mnist_cnn:load",
        ),
        ExtractorSpec(
            name="stacked-mnist-cnn",
            summary="mnist-cnn on each of three channels, 288 features, 1,000 classes",
            builder="ganzoo.metrics.mnist_cnn:load_stacked",
        ),
        ExtractorSpec(
            name="inception-v3",
            summary="Inception of 2015 with the weights of FID's authors, 2,048 features, 1,008 classes",
            builder="ganzoo.metrics.inception:load",
            paper=Paper(
                authors="Szegedy et al.",
                year=2016,
                title="Rethinking the Inception Architecture for Computer Vision",
                arxiv="1512.00567",
            ),
        ),
    ]


@hookimpl
def ganzoo_metrics() -> Sequence[MetricSpec]:
    """In the order in which tables show them."""
    return [
        MetricSpec(
            name="fid",
            summary="Frechet distance between normal distributions fitted to the features",
            builder=f"{_MEASURES}:fid",
            figures=(Figure("fid", "squared Frechet distance, at least 0", "lower"),),
            paper=Paper(
                authors="Heusel et al.",
                year=2017,
                title="GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium",
                arxiv="1706.08500",
            ),
        ),
        MetricSpec(
            name="kid",
            summary="squared maximum mean discrepancy under a cubic kernel, unbiased",
            builder=f"{_MEASURES}:kid",
            figures=(Figure("kid", "squared discrepancy, about 0 for equal sets", "lower"),),
            paper=Paper(authors="Binkowski et al.", year=2018, title="Demystifying MMD GANs", arxiv="1801.01401"),
        ),
        MetricSpec(
            name="inception-score",
            summary="how sure and how varied the classes of the samples are",
            builder=f"{_MEASURES}:inception",
            figures=(Figure("is", "between 1 and the number of classes", "higher"),),
            paper=Paper(
                authors="Salimans et al.", year=2016, title="Improved Techniques for Training GANs", arxiv="1606.03498"
            ),
            needs_classes=True,
        ),
        MetricSpec(
            name="precision-recall",
            summary="how much of each set lies on the manifold of the other, by 3rd nearest neighbours",
            builder=f"{_MEASURES}:precision_recall",
            figures=(
                Figure("precision", "part of the samples near real images, in [0, 1]", "higher"),
                Figure("recall", "part of the real images near samples, in [0, 1]", "higher"),
            ),
            paper=Paper(
                authors="Kynkaanniemi et al.",
                year=2019,
                title="Improved Precision and Recall Metric for Assessing Generative Models",
                arxiv="1904.06991",
            ),
            least_samples=4,
        ),
        MetricSpec(
            name="density-coverage",
            summary="how many real images' neighbourhoods the samples fall into, by 5th nearest neighbours",
            builder=f"{_MEASURES}:density_coverage",
            figures=(
                Figure("density", "real neighbourhoods around a sample over 5, about 1 for equal sets", "higher"),
                Figure("coverage", "part of the real images with a sample in their neighbourhood, in [0, 1]", "higher"),
            ),
            paper=Paper(
                authors="Naeem et al.",
                year=2020,
                title="Reliable Fidelity and Diversity Metrics for Generative Models",
                arxiv="2002.09797",
            ),
            least_samples=6,
        ),
        MetricSpec(
            name="mode-count",
            summary="how many classes the samples hold, and how evenly",
            builder=f"{_MEASURES}:mode_count",
            figures=(
                Figure("modes", "classes with at least one sample", "higher"),
                Figure("kl", "divergence of the classes' shares from equal ones, nats", "lower"),
                Figure("least", "share of the rarest class over an equal share", "higher"),
                Figure("most", "share of the commonest class over an equal share", "lower"),
                Figure("confident", "part of the samples classified with more than 0.9", "higher"),
            ),
            paper=Paper(
                authors="Srivastava et al.",
                year=2017,
                title="VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning",
                arxiv="1705.07761",
            ),
            needs_classes=True,
        ),
        MetricSpec(
            name="memorisation",
            summary="whether samples lie nearer to the training images than unseen real images do",
            builder=f"{_MEASURES}:memorisation",
            figures=(
                Figure("copying", "chance to lie nearer to training images than unseen data; above 0.5 is copying"),
                Figure("nn-ratio", "median distance to the nearest training image, over that of real test images"),
            ),
            paper=Paper(
                authors="Meehan, Chaudhuri & Dasgupta",
                year=2020,
                title="A Non-Parametric Test to Detect Data-Copying in Generative Models",
                arxiv="2004.05675",
            ),
            has_floor=False,
            needs_training=True,
        ),
    ]
