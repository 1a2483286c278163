"""Look up what plugins supply by its name, and import the builders."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ganzoo.errors import GanzooError, PluginError, UnknownNameError

from .discovery import discover
from .provenance import CORE, Origin
from .records import WORDS, PluginRecord
from .settings import PREFER, preferred, strange_names
from .specs import BackboneSpec, DatasetSpec, ExtractorSpec, MetricSpec, ObserverSpec, Spec, VariantSpec

S = TypeVar("S", bound=Spec)


@dataclass(frozen=True)
class Entry(Generic[S]):
    """A spec and where it comes from."""

    spec: S
    origin: Origin

    @property
    def qualified_name(self) -> str:
        """``distribution:name``, which stays unambiguous where two distributions claim one name."""
        return f"{self.origin.distribution}:{self.spec.name}"


class Registry:
    """Everything that the installed plugins supply.

    A name is looked up plain (``dcgan``) or with its distribution (``ganzoo-dcgan:dcgan``). A plain name that two
    distributions claim belongs to neither, except that ganzoo's own names stay its own, and that the variable
    ``GANZOO_PREFER`` of the environment may name the distribution that wins.

    Args:
        plugins: the records of all plugins, also of those that cannot be used.
    """

    def __init__(self, plugins: Sequence[PluginRecord]) -> None:
        self.plugins = tuple(plugins)

    def variants(self) -> dict[str, Entry[VariantSpec]]:
        """Every variant that its plain name leads to."""
        return self._unambiguous(VariantSpec)

    def backbones(self) -> dict[str, Entry[BackboneSpec]]:
        """Every backbone that its plain name leads to."""
        return self._unambiguous(BackboneSpec)

    def datasets(self) -> dict[str, Entry[DatasetSpec]]:
        """Every data set that its plain name leads to."""
        return self._unambiguous(DatasetSpec)

    def extractors(self) -> dict[str, Entry[ExtractorSpec]]:
        """Every feature extractor that its plain name leads to."""
        return self._unambiguous(ExtractorSpec)

    def metrics(self) -> dict[str, Entry[MetricSpec]]:
        """Every metric that its plain name leads to."""
        return self._unambiguous(MetricSpec)

    def observers(self) -> dict[str, Entry[ObserverSpec]]:
        """Every observer of runs that its plain name leads to."""
        return self._unambiguous(ObserverSpec)

    def variant(self, name: str) -> Entry[VariantSpec]:
        """The variant called ``name``.

        Raises:
            UnknownNameError: nothing is called so; the nearest name is suggested.
            PluginError: the plugin of that name cannot be used, or two distributions claim the name.
        """
        return self._find(VariantSpec, name)

    def backbone(self, name: str) -> Entry[BackboneSpec]:
        """The backbone called ``name``; raises as :meth:`variant` does."""
        return self._find(BackboneSpec, name)

    def dataset(self, name: str) -> Entry[DatasetSpec]:
        """The data set called ``name``; raises as :meth:`variant` does."""
        return self._find(DatasetSpec, name)

    def extractor(self, name: str) -> Entry[ExtractorSpec]:
        """The feature extractor called ``name``; raises as :meth:`variant` does."""
        return self._find(ExtractorSpec, name)

    def metric(self, name: str) -> Entry[MetricSpec]:
        """The metric called ``name``; raises as :meth:`variant` does."""
        return self._find(MetricSpec, name)

    def observer(self, name: str) -> Entry[ObserverSpec]:
        """The observer of runs called ``name``; raises as :meth:`variant` does."""
        return self._find(ObserverSpec, name)

    def faulty(self) -> tuple[PluginRecord, ...]:
        """The plugins with which something is wrong."""
        return tuple(plugin for plugin in self.plugins if plugin.faulty)

    def remarks(self) -> list[str]:
        """A sentence for each name in the environment's settings that no plugin has."""
        return strange_names(self.plugins)

    def _claims(self, kind: type[S], name: str) -> list[Entry[S]]:
        distribution, _, bare = name.rpartition(":")
        claims = [entry for entry in self._entries(kind) if entry.spec.name == bare]
        if distribution:
            return [entry for entry in claims if entry.origin.distribution == distribution]
        claimants = {entry.origin.distribution for entry in claims}
        winner = CORE if CORE in claimants else preferred(claimants)
        return [entry for entry in claims if winner in (None, entry.origin.distribution)]

    def _entries(self, kind: type[S]) -> list[Entry[S]]:
        return [
            Entry(spec, plugin.origin) for plugin in self.plugins for spec in plugin.specs if isinstance(spec, kind)
        ]

    def _unambiguous(self, kind: type[S]) -> dict[str, Entry[S]]:
        names = sorted({entry.spec.name for entry in self._entries(kind)})
        claims = {name: self._claims(kind, name) for name in names}
        return {name: entries[0] for name, entries in claims.items() if len(entries) == 1}

    def _find(self, kind: type[S], name: str) -> Entry[S]:
        claims = self._claims(kind, name)
        if len(claims) == 1:
            return claims[0]
        raise _conflict(kind, name, claims) if claims else self._missing(kind, name)

    def _missing(self, kind: type[Spec], name: str) -> GanzooError:
        for plugin in self.plugins:
            if plugin.reason and not plugin.specs and plugin.name == name.rpartition(":")[2]:
                return PluginError(plugin.describe(), fix=plugin.fix)
        alone = all(plugin.origin.distribution == CORE for plugin in self.plugins)
        fix = (
            'no plugin is installed: pip install "ganzoo[zoo]"'
            if alone and kind in (VariantSpec, BackboneSpec)
            else "a plugin that cannot be used may supply it: see ganzoo plugins"
            if any(not plugin.specs for plugin in self.faulty())
            else None
        )
        return UnknownNameError.of(WORDS[kind], name, self._unambiguous(kind), fix=fix)


@functools.cache
def registry() -> Registry:
    """The plugins that are installed, loaded at the first call."""
    return Registry(discover())


def load_builder(spec: Spec) -> Callable[..., Any]:
    """Import the function that ``spec.builder`` names.

    Raises:
        PluginError: the module cannot be imported or has no such function.
        MissingExtraError: the builder's module says that an optional dependency is missing.
    """
    module_name, _, attribute = spec.builder.partition(":")
    what = f"builder {spec.builder} of {WORDS[type(spec)]} {spec.name!r}"
    try:
        module = importlib.import_module(module_name)
    except GanzooError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"{what}: importing {module_name} raises {type(error).__name__}: {error}",
            fix="install what it needs, or upgrade or uninstall the plugin",
        ) from error
    builder = getattr(module, attribute, None)
    if not callable(builder):
        found = "no such name" if builder is None else f"{builder!r:.60}, which is no function"
        raise PluginError(f"{what}: module {module_name} has {found} at {attribute!r}")
    return builder  # type: ignore[no-any-return]


@contextmanager
def blame(entry: Entry[Any]) -> Iterator[None]:
    """Inside, the builder of ``entry`` is called: what it raises and ganzoo did not foresee is told as its fault.

    Raises:
        PluginError: names the distribution, the builder, and what it raised, which is the cause.
    """
    try:
        yield
    except GanzooError:
        raise
    except Exception as error:
        other = "try other options, or " if hasattr(entry.spec, "options") else ""
        raise PluginError(
            f"{WORDS[type(entry.spec)]} {entry.spec.name!r} of {entry.origin}: {entry.spec.builder} raises "
            f"{type(error).__name__}: {error}",
            fix=f"{other}upgrade or uninstall {entry.origin.distribution}",
        ) from error


def _conflict(kind: type[Spec], name: str, claims: Sequence[Entry[Any]]) -> PluginError:
    claimants = " and ".join(f"{entry.origin}" for entry in claims)
    full_names = [entry.qualified_name for entry in claims]
    return PluginError(
        f"{WORDS[kind]} {name!r} is claimed by {claimants}, so neither is used",
        choices=full_names,
        fix=f"write the distribution with it (such as {full_names[0]}), set {PREFER}={claims[0].origin.distribution} "
        "to have that one win, or uninstall one of them",
    )
