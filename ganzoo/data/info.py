"""What is known of a data set before it is read. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ganzoo.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class DataInfo:
    """The shape and the labels of a data set.

    Attributes:
        name: as given on the command line.
        channels: C, 1 for grey and 3 for colour.
        height: H in pixels.
        width: W in pixels.
        classes: the names of the classes, in the order of their labels; empty without labels.
        sizes: number of images of each split.
    """

    name: str
    channels: int
    height: int
    width: int
    classes: tuple[str, ...] = ()
    sizes: tuple[tuple[str, int], ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return (self.channels, self.height, self.width)

    def parts(self, split: str) -> tuple[str, ...]:
        """The splits that ``split`` stands for: itself, or each one for ``all``.

        Raises:
            ConfigError: the data has no such split.
        """
        known = [name for name, _ in self.sizes]
        if split == "all":
            return tuple(known)
        if split not in known:
            raise ConfigError(
                f"data set {self.name} has no split {split!r}",
                choices=[*known, "all"],
                fix=f"choose another --split, such as --split {known[0] if known else 'all'}",
            )
        return (split,)

    def count(self, split: str) -> int:
        """Number of images of ``split``, which may be ``all``."""
        parts = self.parts(split)
        return sum(size for name, size in self.sizes if name in parts)

    def with_shape(self, *, channels: int | None = None, size: int | None = None) -> DataInfo:
        """The same data converted to ``channels`` and resized to ``size`` x ``size`` pixels, None for unchanged."""
        return replace(
            self,
            channels=channels or self.channels,
            height=size or self.height,
            width=size or self.width,
        )
