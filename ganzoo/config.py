"""The typed configuration of a run: merged from defaults, file and options, checked as a whole, written as TOML.

A :class:`RunConfig` is specific to its variant and backbone: :func:`config_class` fills in their option classes, so
that an unknown key or a value out of range is refused before torch is imported.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import tomli_w
from pydantic import Field, SerializeAsAny, ValidationError, create_model, model_validator

from ganzoo.data import DataOptions
from ganzoo.data.folder import PREFIX
from ganzoo.errors import CheckpointError, ConfigError, ContractError, IncompatiblePartsError, PluginError
from ganzoo.metrics.options import EvaluationOptions, split_names
from ganzoo.metrics.plan import Plan, find_metrics, plan_for_run
from ganzoo.options import Count, Device, OptimizerSpec, Options, Positive, Threads
from ganzoo.registry import Entry, registry
from ganzoo.registry.specs import BackboneSpec, VariantSpec
from ganzoo.validation import format_validation_error

BUDGETS = ("steps", "epochs", "images", "minutes")
"""The four ways to say how long a run is; a run has exactly one."""

RESUMABLE: Mapping[str, tuple[str, ...]] = {
    "training": (
        *(*BUDGETS, "device", "engine", "threads", "allocator", "log_every", "sample_every", "save_every"),
        *EvaluationOptions.model_fields,
    ),
    "data": ("data_dir", "storage", "workers", "download"),
}
"""What may change when a run is resumed, by section; so may the path of a folder of images. The data may not."""

SESSION = ("config", "resume", "out", "name", "print_config", "dry_run", "quiet", "observers", "tensorboard")
"""What a session of a run takes beside the config, by name."""

_DEFAULT_EPOCHS = 20.0

C = TypeVar("C", bound=Options)


class TrainingOptions(EvaluationOptions):
    """How long, how fast, and on what a run trains."""

    steps: Count | None = None
    """Train for this many iterations; each is all rounds of the game (five critic updates and a generator one)."""
    epochs: Positive | None = None
    """Train until this many times the data set was drawn."""
    images: Count | None = None
    """Train until this many real images were drawn."""
    minutes: Positive | None = None
    """Train for this long; the one budget that two runs do not repeat exactly."""
    batch_size: Count = 64
    """Images in a batch."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of everything random: weights, latents, order of the data."""
    device: Device = "auto"
    """auto, cpu, cuda, cuda:N or mps; auto takes the first GPU there is, else the CPU."""
    engine: Literal["auto", "eager", "compile", "graph", "graph+compile"] = "auto"
    """How a step is executed: as the code stands, compiled, or captured; auto takes the best that passes a check."""
    precision: Literal["auto", "fp32", "tf32", "bf16"] = "auto"
    """Arithmetic of the networks, auto: bf16 where the processor has it; losses, penalties and weights are float32."""
    accumulate: Count = 1
    """Batches whose gradients are averaged for one update: one large batch, in about the memory of a small one."""
    ema: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.999
    """Decay of the moving average of the generator that is sampled and saved; 0 takes the last weights instead."""
    threads: Threads = "auto"
    """CPU threads of a tensor operation; auto takes OMP_NUM_THREADS if that is set, else finds out by a short trial."""
    allocator: Literal["auto", "system", "keep"] = "auto"
    """CPU memory that was freed: given back to the system, or kept; auto finds out by the same trial."""
    log_every: Count = 50
    """Iterations between two lines of metrics."""
    sample_every: Count = 500
    """Iterations between two sample grids."""
    save_every: Count = 1000
    """Iterations between two checkpoints."""
    samples: Count = 64
    """Images in a sample grid."""

    @model_validator(mode="after")
    def _one_budget(self) -> TrainingOptions:
        given = [name for name in BUDGETS if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} were given together; choose one of {', '.join(BUDGETS)}")
        return self

    @property
    def budget(self) -> tuple[str, float]:
        """The budget's name and amount."""
        for name in BUDGETS:
            if (amount := getattr(self, name)) is not None:
                return name, float(amount)
        return "epochs", _DEFAULT_EPOCHS


class RunConfig(Options):
    """Everything that decides what a run computes."""

    variant: str
    """Name of the variant."""
    backbone: str | None = None
    """Name of the backbone that supplies the networks; None for a game that brings its own."""
    conditional: bool = False
    """Give the labels of the data to both networks."""
    data: DataOptions = DataOptions()
    """What is trained on."""
    training: TrainingOptions = TrainingOptions()
    """How long, how fast, and on what."""
    options: SerializeAsAny[Options] = Options()
    """The variant's own options."""
    net: SerializeAsAny[Options] = Options()
    """The backbone's options."""

    @model_validator(mode="after")
    def _no_idle_option(self) -> RunConfig:
        for name, field in type(self.options).model_fields.items():
            optimizer, usual = getattr(self.options, name), field.get_default(call_default_factory=True)
            if isinstance(optimizer, OptimizerSpec) and (idle := optimizer.idle(usual)):
                raise ValueError(f"{name}.{idle}")
        return self

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without those that are None, and without ``threads`` that are still to be found out."""
        values = self.model_dump(mode="json", exclude_none=True)
        if self.training.threads == "auto":
            del values["training"]["threads"]  # configs from before there was the word keep their digest
        return values

    def to_toml(self) -> str:
        """The text of a file that :func:`read_config` reads back to an equal config."""
        return tomli_w.dumps(self.to_dict())

    def with_training(self, **changed: Any) -> RunConfig:
        """The same with other values of training options, which are taken to be in range."""
        return self.model_copy(update={"training": self.training.model_copy(update=changed)})

    def digest(self) -> str:
        """SHA-256 of the config, hex."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        """Equal values, whichever call of :func:`config_class` made the classes."""
        return isinstance(other, RunConfig) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self.digest())


def config_class(variant: VariantSpec, backbone: BackboneSpec | None) -> type[RunConfig]:
    """The RunConfig whose option classes and defaults are those of ``variant`` and ``backbone``."""
    own_net = backbone is not None and backbone.name == variant.backbone
    parts: dict[str, tuple[type[Options], Mapping[str, Any]]] = {
        "training": (TrainingOptions, {key: value for key, value in variant.training.items() if key not in BUDGETS}),
        "options": (variant.options, {}),
        "net": (backbone.options if backbone else Options, variant.net if own_net else {}),
    }
    fields: dict[str, Any] = {
        "variant": (str, _described("variant", variant.name)),
        "backbone": (str | None, _described("backbone", backbone.name if backbone else None)),
    }
    for name, (part, defaults) in parts.items():
        try:
            fields[name] = (part, _described(name, part(**defaults)))
        except ValidationError as error:
            reason = format_validation_error(error, part).problem
            raise PluginError(f"the defaults of variant {variant.name!r} do not fit: {reason}") from None
    return create_model("RunConfig", __base__=RunConfig, __doc__=RunConfig.__doc__, **fields)


def find_entries(variant: str, backbone: str | None = None) -> tuple[Entry[VariantSpec], Entry[BackboneSpec] | None]:
    """A variant and its backbone, or the ``backbone`` that replaces it, with where they come from.

    Raises:
        UnknownNameError: no installed plugin supplies that name.
        IncompatiblePartsError: the variant brings its own networks and a backbone was named.
    """
    entry = registry().variant(variant)
    name = backbone or entry.spec.backbone
    if entry.spec.backbone is None and backbone:
        raise IncompatiblePartsError(
            f"variant {variant!r} brings its own networks, so --backbone {backbone} has nothing to replace",
            fix="leave --backbone out",
        )
    return entry, registry().backbone(name) if name else None


def find_specs(variant: str, backbone: str | None = None) -> tuple[VariantSpec, BackboneSpec | None]:
    """The specs of what :func:`find_entries` finds; raises as it does."""
    entry, net = find_entries(variant, backbone)
    return entry.spec, net.spec if net else None


def check_option_names(variant: Entry[VariantSpec]) -> None:
    """Refuse a variant with an option that is called like one of every run: neither could be meant by its name alone.

    Raises:
        ContractError: both are named.
    """
    taken = {name: f"--{name.replace('_', '-')}" for name in ("backbone", "conditional", "net", *SESSION)}
    taken |= {"variant": "the variant itself"}
    for section, part in (("training", TrainingOptions), ("data", DataOptions)):
        taken |= {name: f"{section}.{name}" for name in part.model_fields}
    options = variant.spec.options
    for name in options.model_fields:
        if name in taken:
            raise ContractError(
                f"variant {variant.spec.name!r} of {variant.origin} has an option {name!r}, "
                f"a name that every run takes for {taken[name]}",
                fix=f"rename it in {options.__name__}",
            )


def make_config(raw: Mapping[str, Any], *, source: str | None = None) -> RunConfig:
    """Check nested plain values, as a TOML file holds them, and fill in the defaults of variant and backbone.

    Raises:
        ConfigError: an unknown key, a value out of range, or budgets that exclude each other.
        UnknownNameError: an unknown variant or backbone.
    """
    variant, backbone = raw.get("variant"), raw.get("backbone")
    if not isinstance(variant, str):
        raise ConfigError(f"the config names no variant (variant = {variant!r})", fix='add a line variant = "wgan-gp"')
    if backbone is not None and not isinstance(backbone, str):
        raise ConfigError(f"backbone is {backbone!r}; it must be a name")
    spec, net = find_specs(variant, backbone)
    cls = config_class(spec, net)
    return with_budget(validate(cls, _over_defaults(cls, raw), source=source), spec)


def with_budget(config: RunConfig, spec: VariantSpec) -> RunConfig:
    """``config`` with a budget, the variant's own if none was given."""
    if any(getattr(config.training, name) is not None for name in BUDGETS):
        return config
    own = {key: value for key, value in spec.training.items() if key in BUDGETS} or {"epochs": _DEFAULT_EPOCHS}
    return config.with_training(**own)


def plan_evaluations(config: RunConfig) -> Plan:
    """What the run's evaluations ask for, looked up by name. Does not import torch.

    Raises:
        UnknownNameError, ConfigError: a name or a figure that does not fit.
    """
    options = config.training
    names = split_names(options.eval_metrics, "--eval-metrics")
    plan = plan_for_run(config.data, options.eval_against, metrics=names, features=options.eval_features)
    plan.yardstick(options.eval_best)
    plan.check(options.eval_samples)
    return plan


def check_evaluations(config: RunConfig) -> None:
    """Look up what evaluations are named, also where none are to take place; the data are not looked for then.

    Raises:
        UnknownNameError, ConfigError: as :func:`plan_evaluations` does.
    """
    options = config.training
    if options.eval_every:
        plan_evaluations(config)
        return
    find_metrics(split_names(options.eval_metrics, "--eval-metrics"))
    if options.eval_features is not None:
        registry().extractor(options.eval_features)


def config_file(run: Path) -> Path:
    """The file with the config of the run in the folder ``run``.

    Raises:
        CheckpointError: there is no run.
    """
    file = run / "config.toml"
    if not file.is_file():
        raise CheckpointError(f"{run} is no run folder: it holds no config.toml", fix="give the folder of a run")
    return file


def read_config(path: Path) -> dict[str, Any]:
    """The plain values of a TOML file.

    Raises:
        ConfigError: the file is missing or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        fix = f"name a TOML file that can be read; relative paths start at {Path.cwd()}"
        raise ConfigError(f"cannot read the config file {path}: {error.strerror or error}", fix=fix) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problem = f"the config file {path} is no TOML: {error}"
        raise ConfigError(problem, fix="correct it; ganzoo run VARIANT --print-config shows a right one") from None


def validate(cls: type[C], raw: Mapping[str, Any], *, source: str | None = None) -> C:
    """``cls`` from plain values that were read from ``source``.

    Raises:
        ConfigError: one line for each value that does not fit.
    """
    try:
        return cls.model_validate(raw)
    except ValidationError as error:
        raise format_validation_error(error, cls, source=source) from None


def check_resumable(before: RunConfig, now: RunConfig) -> None:
    """Refuse to change what the weights depend on in the middle of a run.

    Raises:
        ConfigError: the first option that differs and may not.
    """
    was, is_ = _flat(before.to_dict()), _flat(now.to_dict())
    for key in sorted(was.keys() | is_.keys()):
        if was.get(key) != is_.get(key) and not _may_change(key, was.get(key), is_.get(key)):
            raise ConfigError(
                f"a resumed run cannot change {key} (it was {was.get(key)!r}, now {is_.get(key)!r})",
                choices=[name for names in RESUMABLE.values() for name in names],
                fix="leave the option out, or start a new run",
            )


def _may_change(key: str, was: Any, now: Any) -> bool:
    """Whether a resumed run may have another value there; that the data are the same is seen from their fingerprint."""
    section, _, name = key.partition(".")
    moved = key == "data.dataset" and all(str(dataset).startswith(PREFIX) for dataset in (was, now))
    return moved or name in RESUMABLE.get(section, ())


def _described(name: str, default: Any) -> Any:
    """A field with ``default`` and the sentence of the RunConfig's field called ``name``."""
    return Field(default, description=RunConfig.model_fields[name].description)


def _over_defaults(cls: type[RunConfig], raw: Mapping[str, Any]) -> dict[str, Any]:
    """``raw`` laid over the class's defaults, so that a file that sets one option keeps the variant's other ones."""
    merged = {key: value for key, value in raw.items() if value is not None}
    for name, field in cls.model_fields.items():
        if isinstance(field.default, Options) and isinstance(raw.get(name), Mapping):
            merged[name] = overlay(field.default.model_dump(exclude_none=True), raw[name])
    return merged


def overlay(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``above`` laid over ``below``, table by table."""
    merged = dict(below)
    for key, value in above.items():
        under = below.get(key)
        merged[key] = overlay(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return merged


def _flat(values: dict[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: value}
    return flat
