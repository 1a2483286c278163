"""What vetting found, kept in the user's cache folder: a small file for each plugin, which can be deleted at any time.

A good verdict holds while the plugin's own files are what they were: the folder of its module and of each package above
it, by name, size and time of change. That serves editable installations as well as wheels, and is found without
importing anything. A bad verdict holds only while nothing at all has changed, ganzoo and what else is installed
included, since what was wrong may have been a missing or a broken dependency.

Each file is replaced as a whole, so several processes may vet one plugin at once: the last verdict stays, and all are
right. A folder that takes no file costs the vetting at each start and nothing else.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import sys
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import pluggy

import ganzoo

from .provenance import Origin
from .records import State
from .specs import API_VERSION

_FORMAT = 1
_CODE = (".py", ".so", ".pyd", ".dylib")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What vetting found: state, reason, fix and notes of the plugin's record, and the seconds that loading it took."""

    state: State = "ok"
    reason: str | None = None
    fix: str | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


def recall(name: str, origin: Origin, code: str) -> Verdict | None:
    """The verdict on the plugin ``name`` of ``origin``, whose :func:`stamp` is ``code``; None if none holds."""
    key = _key(name, origin)
    try:
        kept = json.loads(_file(key).read_bytes())
        verdict = Verdict(**{**kept["verdict"], "notes": tuple(kept["verdict"]["notes"])})
        if kept["key"] != key or kept["code"] != code:
            return None
        return verdict if verdict.state == "ok" or kept["rest"] == _stamp_of_the_rest(origin.module) else None
    except (OSError, ValueError, KeyError, TypeError):  # not there, or not ours
        return None


def remember(name: str, origin: Origin, verdict: Verdict, code: str) -> None:
    """Keep ``verdict`` on a plugin whose :func:`stamp` was ``code`` before it was vetted."""
    if not code:
        return
    key = _key(name, origin)
    kept = {"key": key, "code": code, "rest": _stamp_of_the_rest(origin.module), "verdict": asdict(verdict)}
    with contextlib.suppress(OSError):
        path = _file(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        temporary.write_text(json.dumps(kept, indent=2), encoding="utf-8")
        os.replace(temporary, path)


def stamp(module: str) -> str:
    """Changes whenever the code of ``module`` may have; empty where its files cannot be told, as in an archive."""
    lines = []
    for path in code_of(module):
        try:
            status = path.stat()
        except OSError:
            return ""
        lines.append(f"{path} {status.st_size} {status.st_mtime_ns}")
    return _digest(lines) if lines else ""


def code_of(module: str) -> list[Path]:
    """The files beside ``module`` and in the packages above it, found without running any of them."""
    name, *inner = module.partition(":")[0].strip().split(".")
    files: list[Path] = []
    try:
        spec = importlib.util.find_spec(name)
        for part in inner:
            places = list(spec.submodule_search_locations or ()) if spec else []
            files += [path for place in places for path in sorted(_code_in(place))]
            name = f"{name}.{part}"
            spec = PathFinder.find_spec(name, places)
    except (ImportError, ValueError, AttributeError, TypeError):  # a loaded module without a spec, or a strange finder
        return []
    if spec and spec.origin and Path(spec.origin) not in files:
        files.append(Path(spec.origin))
    return files


def _code_in(folder: str) -> Iterator[Path]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        yield from (Path(entry.path) for entry in entries if entry.name.endswith(_CODE))


def _stamp_of_the_rest(module: str) -> str:
    """Changes when a package is installed or removed beside the plugin or ganzoo's dependencies, or ganzoo changes."""
    first = next(iter(code_of(module)), Path(module))
    folders = [first.parents[1] if "." in module else first.parent, Path(pluggy.__file__).parents[1]]
    files = sorted(Path(ganzoo.__file__).parent.rglob("*.py"))
    lines = []
    for path in (*folders, *files):
        with contextlib.suppress(OSError):
            lines.append(f"{path} {path.stat().st_mtime_ns}")
    return _digest(lines)


def _key(name: str, origin: Origin) -> dict[str, Any]:
    """What a verdict is about, beside the code."""
    return {
        "format": _FORMAT,
        "plugin": name,
        "module": origin.module,
        "distribution": origin.distribution,
        "version": origin.version,
        "python": f"{sys.implementation.cache_tag} {sys.prefix}",
        "ganzoo": f"{ganzoo.__version__} API {API_VERSION}",
    }


def _file(key: dict[str, Any]) -> Path:
    import platformdirs

    place = {**key, "version": "", "ganzoo": ""}  # an upgrade replaces the verdict on what it replaces
    readable = re.sub(r"[^\w-]", "_", f"{key['distribution']}-{key['plugin']}")[:60]
    return platformdirs.user_cache_path("ganzoo") / "plugins" / f"{readable}-{_digest([json.dumps(place)])}.json"


def _digest(lines: list[str]) -> str:
    return f"{zlib.crc32(chr(10).join(lines).encode('utf-8', 'surrogateescape')):08x}"
