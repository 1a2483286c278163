"""The folder of a run: what lies where, one writer at a time, and a metrics log that resumes at an exact position.

====================  ====================================================================
``config.toml``       the resolved config
``run.json``          versions, provenance, command, hardware, and how the run ended
``metrics.jsonl``     a line of metrics each ``log_every`` iterations
``samples/``          ``step-N.png``, grids from one fixed latent
``samples.png``       the last of them
``losses.png``        loss curves, written at the end
``checkpoints/``      ``step-N/``, see :mod:`ganzoo.training.checkpoint`
``generator/``        the exported module, usable without the rest
``best/``             the same of the evaluation that came out best
====================  ====================================================================
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from ganzoo.durable import disk_full_named, replace_bytes, replace_json
from ganzoo.errors import CheckpointError, ConfigError, RunLockedError


class RunFolder:
    """The folder of one run, held for writing while it is open.

    Args:
        path: the folder; made if it is not there.

    Raises:
        RunLockedError: another process writes to it.
        ConfigError: the folder cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(path / ".lock")
            self._lock.acquire(timeout=0)
        except Timeout:
            raise RunLockedError(
                f"another process is writing to the run folder {path}",
                fix="wait until it ends, or choose another --name",
            ) from None
        except OSError as error:
            raise _cannot_write(path, error) from None
        self._log: IO[bytes] | None = None

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints are."""
        return self.path / "checkpoints"

    @property
    def generator(self) -> Path:
        """Where the exported module is."""
        return self.path / "generator"

    @property
    def best(self) -> Path:
        """Where the best snapshot of the exported module is."""
        return self.path / "best"

    @property
    def samples(self) -> Path:
        """Where the sample grids are."""
        return self.path / "samples"

    def write_config(self, text: str) -> None:
        """Write ``config.toml``."""
        replace_bytes(self.path / "config.toml", text.encode())

    def write_run(self, facts: dict[str, Any]) -> None:
        """Write ``run.json``."""
        replace_json(self.path / "run.json", facts)

    def open_log(self, position: int = 0) -> None:
        """Open ``metrics.jsonl`` at ``position`` bytes; what an interrupted run wrote after it is dropped.

        Raises:
            CheckpointError: the log is shorter than that.
        """
        path = self.path / "metrics.jsonl"
        path.touch()
        if path.stat().st_size < position:
            raise CheckpointError(f"{path} is shorter than the {position:,} bytes that the checkpoint counts on")
        os.truncate(path, position)
        self._log = path.open("ab")

    def log(self, step: int, images: int, seconds: float, values: dict[str, float]) -> None:
        """Append a line of metrics, after ``seconds`` of training."""
        assert self._log is not None
        when = {"step": step, "images": images, "seconds": round(seconds, 3), "time": round(time.time(), 3)}
        line = json.dumps({**when, **values}, allow_nan=False)
        with disk_full_named(self.path / "metrics.jsonl", len(line)):
            self._log.write(line.encode() + b"\n")
            self._log.flush()

    def log_position(self) -> int:
        """Bytes of ``metrics.jsonl``, all of them on the disk."""
        assert self._log is not None
        self._log.flush()
        os.fsync(self._log.fileno())
        return self._log.tell()

    def close(self) -> None:
        """Close the log and let others write."""
        if self._log is not None:
            self._log.close()
        self._lock.release()

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


@contextmanager
def new_run_path(out: Path, name: str | None, default: str) -> Iterator[Path]:
    """A folder for a new run below ``out``: ``name``, or ``default`` with a number that is not taken.

    A folder with a number is made at once, so that runs which start together have one each. If nothing is in it when an
    exception leaves the context, it is removed, and so is what had to be made for it.

    Raises:
        ConfigError: ``name`` is no single folder name, that run exists already, or no folder can be made.
    """
    if name is not None:
        yield _named_path(out, name)
        return
    missing = [folder for folder in (out, *out.parents) if not folder.exists()]
    path = _reserve(out, default)
    try:
        yield path
    except BaseException:
        with suppress(OSError):  # the run has begun, or another one is there, too
            for folder in (path, *missing):
                folder.rmdir()
        raise


def _reserve(out: Path, default: str) -> Path:
    number = 1
    try:
        out.mkdir(parents=True, exist_ok=True)
        while True:
            path = out / f"{default}-{number}"
            with suppress(FileExistsError):
                path.mkdir()
                return path
            number += 1
    except OSError as error:
        raise _cannot_write(out, error) from None


def _named_path(out: Path, name: str) -> Path:
    if not name or name in (".", "..") or Path(name).name != name:
        raise ConfigError(f"the run name {name!r} is not a single folder name", fix="put the folder into --out")
    path = out / name
    if path.exists() and any(entry.name != ".lock" for entry in path.iterdir()):
        raise ConfigError(
            f"there is a run in {path} already", fix=f"go on with it (--resume {path}), or choose another --name"
        )
    return path


def _cannot_write(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"cannot write to the run folder {path}: {error.strerror or error}")


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The lines of a run's ``metrics.jsonl``; a last line that was cut off is left out.

    Raises:
        CheckpointError: a line in the middle is no JSON.
    """
    try:
        lines = (path / "metrics.jsonl").read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise CheckpointError(f"cannot read {path / 'metrics.jsonl'}: {error.strerror or error}") from None
    try:
        return [json.loads(line) for line in lines[:-1]]
    except ValueError as error:
        raise CheckpointError(f"{path / 'metrics.jsonl'} holds a line that is no JSON: {error}") from None
