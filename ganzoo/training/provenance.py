"""What made a run: the parts and data that a resume must agree with, and ``run.json``, which tells of each session."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ganzoo.config import RunConfig
from ganzoo.errors import CheckpointError
from ganzoo.registry import API_VERSION, registry

from .checkpoint import read_json
from .environment import peak_memory
from .run_folder import RunFolder


def origins(config: RunConfig, data_fingerprint: str) -> dict[str, Any]:
    """What a checkpoint must agree with to be resumed."""
    variant = registry().variant(config.variant)
    parts = {"variant": variant.origin.as_dict()}
    if config.backbone is not None:
        parts["backbone"] = registry().backbone(config.backbone).origin.as_dict()
    return {
        "data_fingerprint": data_fingerprint,
        "origins": parts,
        "recipe": variant.spec.recipe_version,
        "api": API_VERSION,
    }


def check_origins(then: Mapping[str, Any], now: Mapping[str, Any], checkpoint: Path) -> None:
    """Refuse to resume what was made by other data or by other code.

    Raises:
        CheckpointError: what differs is named.
    """
    for role, origin in now["origins"].items():
        old = then.get("origins", {}).get(role, {})
        if (old.get("distribution"), old.get("version")) != (origin["distribution"], origin["version"]):
            raise CheckpointError(
                f"{checkpoint} was made with the {role} of {old.get('distribution')} {old.get('version')}; "
                f"installed is {origin['distribution']} {origin['version']}",
                fix=f'pip install "{old.get("distribution")}=={old.get("version")}"',
            )
    for key, what in (("api", "plugin API"), ("recipe", "recipe"), ("data_fingerprint", "data")):
        if then.get(key) != now[key]:
            raise CheckpointError(
                f"{checkpoint} was made with another {what} ({then.get(key)!r}) than is here ({now[key]!r})",
                fix="start a new run, or bring back what it was made with",
            )


@contextmanager
def recorded(
    folder: RunFolder, run: Mapping[str, Any], begun: Mapping[str, Any], reached: Callable[[], Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Write ``run.json`` at the start of a session and again at its end, however that comes.

    Args:
        folder: whose ``run.json`` it is; sessions that it tells of already stay.
        run: what is true of the whole run.
        begun: what is known of the session at its start.
        reached: what there is to tell at its end.

    Yields:
        What is written of the session; whoever knows how it went sets its ``status``.
    """
    start, cpu_start = time.monotonic(), time.process_time()
    path = folder.path / "run.json"
    earlier = read_json(path).get("sessions", []) if path.is_file() else []
    session: dict[str, Any] = {"started": _now(), "status": "running", **begun}
    record = {"format": 1, **run, "sessions": [*earlier, session]}
    folder.write_run(record)
    try:
        yield session
    except BaseException as error:
        session["status"] = f"failed: {type(error).__name__}"
        raise
    finally:
        session |= {
            "ended": _now(),
            "seconds": round(time.monotonic() - start, 3),
            "cpu_seconds": round(time.process_time() - cpu_start, 3),
            "peak_memory_bytes": peak_memory(),
            **reached(),
        }
        folder.write_run(record)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
