"""What is checked: a variant with its networks, its options and the shape of the data. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ganzoo.config import RunConfig, make_config


@dataclass(frozen=True)
class Case:
    """A variant as it is to be checked: with its defaults, or with others that make it faster or reach more of it.

    Attributes:
        variant: name of an installed variant.
        options: options of the variant that differ from its defaults.
        net: options of its networks that differ from their defaults, such as ``{"width": 8}``.
        backbone: name of a backbone that replaces the variant's own.
        conditional: give the labels of the data to both networks.
        dataset: name of the data set; ``digits`` comes with ganzoo and needs no files.
        image_size: side of the images in pixels; None for the data set's own, or, where the networks cannot be built
            for that, the first of 16, 28, 32 and 64 for which they can.
        channels: 1 or 3; None for the data set's own.
        seed: of everything random.
        batch_size: images in a batch where a variant learns (``direction``, ``learning``); 8 elsewhere.
        learning_steps: iterations that ``learning`` gives the variant at the most.
    """

    variant: str
    options: Mapping[str, Any] = field(default_factory=dict)
    net: Mapping[str, Any] = field(default_factory=dict)
    backbone: str | None = None
    conditional: bool = False
    dataset: str = "digits"
    image_size: int | None = None
    channels: int | None = None
    seed: int = 0
    batch_size: int = 32
    learning_steps: int = 600

    def config(self, *, image_size: int | None = None) -> RunConfig:
        """The config of a run of this case.

        Raises:
            ConfigError, UnknownNameError: an option or a name that does not fit.
        """
        shape = {"image_size": image_size or self.image_size, "channels": self.channels}
        given = {key: value for key, value in shape.items() if value is not None}
        raw: dict[str, Any] = {
            "variant": self.variant,
            "conditional": self.conditional,
            "data": {"dataset": self.dataset, **given},
            "options": dict(self.options),
            "net": dict(self.net),
            "training": {"seed": self.seed, "device": "cpu"},
        }
        return make_config(raw | ({"backbone": self.backbone} if self.backbone else {}))

    def __str__(self) -> str:
        words = [f"backbone {self.backbone}"] if self.backbone else []
        words += ["conditional"] if self.conditional else []
        words += [f"{name}={value}" for name, value in {**self.options, **self.net}.items()]
        return self.variant + (f" ({', '.join(words)})" if words else "")
