"""Features of real images on the disk, so that they are worked out once.

A file holds the features of one set of images under one extractor, and is named by a hash of both. It is written whole
or not at all, by one process at a time; others wait for it and read it. A file that does not verify is made anew, and
a folder or a disk that takes no file costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import platformdirs
import torch
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ganzoo.durable import replace_bytes

from .features import FeatureSet
from .moments import Moments

_FORMAT = 2  # raised, too, when images come to an extractor in another form than before

_log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Where the features lie; every file in it can be deleted at any time."""
    return platformdirs.user_cache_path("ganzoo") / "features"


def key_of(**facts: Any) -> str:
    """A name for what ``facts`` decide: SHA-256 over them and the version of the format, hex."""
    return hashlib.sha256(json.dumps({"format": _FORMAT, **facts}, sort_keys=True).encode()).hexdigest()


def cached_features(key: str, make: Callable[[], FeatureSet], device: torch.device) -> FeatureSet:
    """The features called ``key``, on ``device``: read, or made and written."""
    path = cache_folder() / f"{key}.safetensors"
    with _writing(path) as writable:
        features = _read(path)
        if features is None:
            features = make()
            if writable:
                _keep(path, _to_bytes(features))
    return _moved(features, device)


def cached_values(key: str, make: Callable[[], Any]) -> Any:
    """The plain values called ``key``: read, or made and written as JSON under a line with its SHA-256."""
    path = cache_folder() / f"{key}.values"
    with _writing(path) as writable:
        body = _read_body(path)
        if body is not None:
            return json.loads(body)
        values = make()
        if writable:
            body = json.dumps(values).encode()
            _keep(path, f"{hashlib.sha256(body).hexdigest()}\n".encode() + body)
        return values


@contextmanager
def _writing(path: Path) -> Iterator[bool]:
    """Hold ``path`` for writing; False where the folder cannot be written to, which costs time and nothing else."""
    lock = FileLock(path.with_suffix(".lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, NotImplementedError) as error:  # the latter where the file system has no locks
        _log.warning("features are not cached: %s", error)
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _keep(path: Path, content: bytes) -> None:
    try:
        replace_bytes(path, content)
    except OSError as error:
        _log.warning("features are not cached: %s", error)
        with suppress(OSError):
            path.with_name(f"{path.name}.tmp").unlink()


def _to_bytes(features: FeatureSet) -> bytes:
    moments = features.moments
    tensors = {"vectors": features.vectors, "mean": moments.mean, "scatter": moments.scatter}
    tensors["count"] = torch.tensor(moments.count)
    if features.logits is not None:
        tensors["logits"] = features.logits
    tensors = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    return save(tensors, metadata={"sha256": _digest(tensors)})


def _read(path: Path) -> FeatureSet | None:
    """The features in the file; None where it is missing or does not verify."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            wanted = (file.metadata() or {}).get("sha256")
    except (SafetensorError, OSError) as error:
        _log.warning("the cached features in %s are damaged and are made anew: %s", path, error)
        return None
    if wanted != _digest(tensors):
        _log.warning("the cached features in %s are damaged and are made anew", path)
        return None
    moments = Moments(tensors["vectors"].shape[1])
    moments.count, moments.mean, moments.scatter = int(tensors["count"]), tensors["mean"], tensors["scatter"]
    return FeatureSet(tensors["vectors"], tensors.get("logits"), moments)


def _read_body(path: Path) -> bytes | None:
    """What stands below the SHA-256 in the file; None where it is missing or does not verify."""
    try:
        digest, _, body = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    if digest != hashlib.sha256(body).hexdigest().encode():
        _log.warning("the cached values in %s are damaged and are made anew", path)
        return None
    return body


def _digest(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def _moved(features: FeatureSet, device: torch.device) -> FeatureSet:
    logits = None if features.logits is None else features.logits.to(device)
    return FeatureSet(features.vectors.to(device), logits, features.moments)
