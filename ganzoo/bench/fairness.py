"""Why two results do not compare, or less well than it seems: machine, software, configs, noise and quality.

Each difference is told with what either side has. One that is unfair makes a figure of the one no measure of the other;
one that is not (another tier that ran, another kernel of the system) is what a comparison may be about, but is said.
Free of torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from . import cells
from .protocol import machines
from .result import Contender, Origin, Result, Training

About = Literal["machine", "software", "config", "noise", "quality"]

_MACHINE = {"cpu": "CPU", "gpu": "GPU", "cores": "cores", "device": "device"}
_SOFTWARE = {"python": "Python", "cuda": "CUDA"}
_ASIDE = frozenset({"data.data_dir", "training.seed"})
"""Keys of a config that neither speed nor comparison depends on: where files lie, and the seed of one of many runs."""

_CURVE = frozenset({"training.eval_samples", "training.eval_features", "training.eval_against"})
"""Keys of a config that the figures during training depend on."""


@dataclass(frozen=True)
class Remark:
    """One thing that is to be said of a comparison.

    Attributes:
        about: what differs.
        text: what either side has.
        where: the cell or the variant; empty for all.
        unfair: whether figures of the two sides measure different things because of it.
    """

    about: About
    text: str
    where: str = ""
    unfair: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" if self.where else self.text

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return asdict(self)


def of_results(a: Result, b: Result) -> Iterator[Remark]:
    """What concerns all figures of the two."""
    yield from of_environments(a.environment, b.environment)
    for side, result in (("A", a), ("B", b)):
        if len(found := machines(result)) > 1:
            yield Remark("machine", f"{side} was measured on more than one machine or software: {' '.join(found)}")
    yield from _commits(a.git, b.git)
    for key in sorted(differing(_suite(a), _suite(b))):
        yield Remark("config", _differ(f"suite.{key}", _suite(a).get(key), _suite(b).get(key)), unfair=False)


def of_environments(a: dict[str, Any], b: dict[str, Any], where: str = "") -> Iterator[Remark]:
    """Machine and software."""
    for about, names in (("machine", _MACHINE), ("software", _SOFTWARE)):
        for key, name in names.items():
            if a.get(key) != b.get(key):
                yield Remark(
                    "machine" if about == "machine" else "software", _differ(name, a.get(key), b.get(key)), where
                )
    if a.get("platform") != b.get("platform"):
        yield Remark("software", _differ("platform", a.get("platform"), b.get("platform")), where, unfair=False)
    ours, theirs = a.get("packages") or {}, b.get("packages") or {}
    for name in sorted(differing(ours, theirs)):
        # What is compared is often two versions of ganzoo, so its own is told and no more.
        yield Remark("software", _differ(name, ours.get(name), theirs.get(name)), where, unfair=name != "ganzoo")


def of_contenders(a: Contender, b: Contender, where: str) -> Iterator[Remark]:
    """What concerns one cell; variant, batch size, precision and asked engine are the same."""
    yield from _origins(a.origin, b.origin, where)
    yield from of_configs(a.config, b.config, where)
    if a.config_sha256 != b.config_sha256 and not differing(flat(a.config), flat(b.config)):
        yield Remark("config", "the digests of the configs differ, though no key does", where)
    for key in sorted(differing(a.settings, b.settings)):
        yield Remark("config", _differ(key, a.settings.get(key), b.settings.get(key)), where)
    if a.precision != b.precision:  # of two plain loops beside a cell; cells themselves are matched by it
        yield Remark("config", _differ("precision", a.precision, b.precision), where)
    if a.tier != b.tier:
        yield Remark("config", _differ("the tier that ran", a.tier, b.tier), where, unfair=False)
    for side, each in (("A", a), ("B", b)):
        for word, reasons in cells.cautions(each):
            yield Remark("noise", f"{side} is {word}: {'; '.join(reasons)}", where)


def of_configs(a: dict[str, Any], b: dict[str, Any], where: str) -> Iterator[Remark]:
    """The keys that differ, by name."""
    ours, theirs = flat(a), flat(b)
    for key in sorted(differing(ours, theirs) - _ASIDE):
        yield Remark("config", _differ(key, ours.get(key), theirs.get(key)), where)


def of_trainings(a: list[Training], b: list[Training], where: str) -> Iterator[Remark]:
    """What concerns the quality of one variant: its configs, budgets, tiers, seeds and machines."""
    ours, theirs = a[0], b[0]
    origins = ours.origins.get("variant"), theirs.origins.get("variant")
    if origins[0] and origins[1]:
        yield from _origins(origins[0], origins[1], where)
    yield from of_configs(ours.config, theirs.config, where)
    yield from of_environments(ours.environment, theirs.environment, where)
    for key in sorted(differing(ours.engine, theirs.engine)):
        text = _differ(f"engine.{key}", ours.engine.get(key), theirs.engine.get(key))
        yield Remark("config", text, where, unfair=key not in ("tier", "choice"))
    if ours.together != theirs.together:
        text = _differ("trainings that shared the machine", ours.together or "unknown", theirs.together or "unknown")
        yield Remark("noise", text, where)
    if budgets := _differing_sets((each.images for each in a), (each.images for each in b)):
        yield Remark("quality", _differ("the budget in images", *budgets), where)
    if seeds := _differing_sets((each.seed for each in a), (each.seed for each in b)):
        yield Remark("quality", _differ("seeds", *seeds), where, unfair=False)


def of_judges(a: list[Training], b: list[Training], where: str) -> list[Remark]:
    """Why the figures of two sides were not found in one way, and so do not compare; empty where they were."""
    facts = [_judges(a), _judges(b)]
    named = {"extractor": "extractor", "samples": "number of samples", "against": "real images", "real": "their number"}
    found = []
    for key, name in named.items():
        ours, theirs = (sorted({judge[key] for judge in side}) for side in facts)
        if ours != theirs or len(ours) != 1:
            found.append(Remark("quality", _differ(name, " and ".join(ours), " and ".join(theirs)), where))
    return found


def judged_alike_meanwhile(a: list[Training], b: list[Training]) -> bool:
    """Whether the figures during training were found in one way, so that the times to them compare."""
    configs = [flat(each.config) for each in (*a, *b)]
    return all(_CURVE.isdisjoint(differing(configs[0], other)) for other in configs[1:])


def flat(config: dict[str, Any], above: str = "") -> dict[str, Any]:
    """A nested config with dotted keys.

    >>> flat({"net": {"width": 32}, "variant": "dcgan"})
    {'net.width': 32, 'variant': 'dcgan'}
    """
    found: dict[str, Any] = {}
    for key, value in config.items():
        found |= flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return found


def differing(a: dict[str, Any], b: dict[str, Any]) -> set[str]:
    """The keys whose values differ, and those that one side lacks."""
    return {key for key in {*a, *b} if key not in a or key not in b or a[key] != b[key]}


def _suite(result: Result) -> dict[str, Any]:
    return flat(result.suite)


def _commits(a: dict[str, Any] | None, b: dict[str, Any] | None) -> Iterator[Remark]:
    ours, theirs = ((each or {}).get("commit") for each in (a, b))
    if ours != theirs:
        yield Remark("software", _differ("commit", *(each and each[:12] for each in (ours, theirs))), unfair=False)
    for side, git in (("A", a), ("B", b)):
        if git and git.get("changed"):
            yield Remark("software", f"{side} ran with uncommitted changes, so its commit does not tell what ran")


def _origins(a: Origin, b: Origin, where: str) -> Iterator[Remark]:
    if a.distribution != b.distribution:
        yield Remark("config", _differ("who supplies it", cells.origin(a), cells.origin(b)), where)
    elif cells.origin(a) != cells.origin(b):
        yield Remark("software", _differ("who supplies it", cells.origin(a), cells.origin(b)), where, unfair=False)


def _judges(trainings: list[Training]) -> list[dict[str, str]]:
    return [
        {
            "extractor": str((each.evaluation.get("extractor") or {}).get("sha256"))[:12],
            "samples": str(each.evaluation.get("samples")),
            "against": str(each.evaluation.get("against")),
            "real": str(each.evaluation.get("real_images")),
        }
        for each in trainings
    ]


def _differing_sets(a: Iterable[int], b: Iterable[int]) -> tuple[str, str] | None:
    ours, theirs = (", ".join(f"{each:,}" for each in sorted(set(side))) for side in (a, b))
    return (ours, theirs) if ours != theirs else None


def _differ(name: str, a: Any, b: Any) -> str:
    return f"{name}: {_said(a)} in A, {_said(b)} in B"


def _said(value: Any) -> str:
    return "nothing" if value is None else str(value)
