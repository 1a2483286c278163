"""Checkpoints: folders that are whole or absent, verified before they are read, and never unpickled.

A checkpoint is written as ``step-N.tmp``, every file and the folder brought to the disk, and then renamed. One that is
replaced is called ``step-N.old`` for a moment, and is read under that name if the moment was the last one. The manifest
holds the SHA-256 of each file. Tensors are in safetensors, all else in JSON.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from ganzoo.durable import disk_full_named, sha256, sync_folder, to_json, write_bytes
from ganzoo.errors import CheckpointError, NonFiniteError

FORMAT = 1
_STEP = re.compile(r"step-(\d+)(\.old)?")
_OLD = ".old"
_STATE, _MANIFEST = "state.json", "manifest.json"


def save_checkpoint(root: Path, step: int, tensors: dict[str, dict[str, Tensor]], state: dict[str, Any]) -> Path:
    """Write the checkpoint of ``step`` below ``root`` and return its folder.

    Args:
        root: the folder that holds the checkpoints.
        step: iterations done.
        tensors: groups of named tensors, a file each.
        state: plain values.

    Raises:
        NonFiniteError: a tensor is NaN or infinite; nothing is written.
        DiskFullError: no room; earlier checkpoints are intact.
    """
    files = {f"{group}.safetensors": _encode(group, named, step) for group, named in tensors.items()}
    files[_STATE] = to_json({"format": FORMAT, "step": step, **state})
    final = root / f"step-{step:09d}"
    write_folder(final, files)
    return final


def write_folder(final: Path, files: dict[str, bytes]) -> None:
    """Write a folder of files with a manifest, whole or not at all; one that is there already is replaced."""
    root, temporary = final.parent, final.with_name(final.name + ".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    with disk_full_named(final, sum(map(len, files.values()))):
        temporary.mkdir(parents=True)
        for name, content in files.items():
            write_bytes(temporary / name, content)
        hashes = {name: sha256(temporary / name) for name in files}
        write_bytes(temporary / _MANIFEST, to_json({"format": FORMAT, "sha256": hashes}))
        sync_folder(temporary)
        if final.exists():
            replaced = final.with_name(final.name + _OLD)
            shutil.rmtree(replaced, ignore_errors=True)
            os.replace(final, replaced)
            os.replace(temporary, final)
            shutil.rmtree(replaced, ignore_errors=True)
        else:
            os.replace(temporary, final)
        sync_folder(root)


def standing(folder: Path) -> Path:
    """Where a written folder is: under its name, or under that of one which was just being replaced."""
    replaced = folder.with_name(folder.name + _OLD)
    return replaced if replaced.exists() and not folder.exists() else folder


def step_of(folder: Path) -> int:
    """The step of a checkpoint's folder.

    >>> step_of(Path("checkpoints/step-000000020"))
    20
    """
    match = _STEP.fullmatch(folder.name)
    assert match
    return int(match[1])


def load_checkpoint(folder: Path, device: str = "cpu") -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """Verify ``folder`` and read its groups of tensors and its state.

    Raises:
        CheckpointError: a file is missing, changed, or unreadable; the message names it.
    """
    verify_folder(folder)
    state = read_json(folder / _STATE)
    groups = {path.stem: load_tensors(path, device) for path in sorted(folder.glob("*.safetensors"))}
    return groups, state


def verify_folder(folder: Path) -> None:
    """Check every file of a written folder against its manifest.

    Raises:
        CheckpointError: the first file that is missing or differs.
    """
    manifest = read_json(folder / _MANIFEST)
    if manifest.get("format") != FORMAT or not isinstance(manifest.get("sha256"), dict):
        raise CheckpointError(
            f"{folder / _MANIFEST} has the format {manifest.get('format')!r}; this ganzoo reads format {FORMAT}"
        )
    for name, expected in manifest["sha256"].items():
        path = folder / name
        if Path(name).name != name or not path.is_file():
            raise CheckpointError(f"{path} is named in the manifest and is not there")
        if sha256(path) != expected:
            raise CheckpointError(f"{path} is not what was written: its SHA-256 differs from the manifest's")


def load_tensors(path: Path, device: str = "cpu") -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        CheckpointError: the file is no safetensors file.
    """
    try:
        return load_file(path, device=device)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"cannot read the tensors of {path}: {error}") from None


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        CheckpointError: the file is missing or holds no JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} holds a {type(value).__name__}; it must hold a JSON object")
    return value


def checkpoints(root: Path) -> list[Path]:
    """The checkpoint folders below ``root``, by step, the highest first. Times of files play no part."""
    names = {path.name.removesuffix(_OLD) for path in root.glob("step-*") if _STEP.fullmatch(path.name)}
    return sorted((standing(root / name) for name in names), key=step_of, reverse=True)


def latest_checkpoint(root: Path) -> tuple[Path, list[str]]:
    """The checkpoint of the highest step that verifies, and why higher ones did not.

    Raises:
        CheckpointError: there is none.
    """
    reasons: list[str] = []
    for folder in checkpoints(root):
        try:
            verify_folder(folder)
        except CheckpointError as error:
            reasons.append(error.problem)
        else:
            return folder, reasons
    detail = "".join(f"\n  {reason}" for reason in reasons)
    raise CheckpointError(f"no usable checkpoint in {root}{detail}", fix="start the run anew under another --name")


def prune(root: Path, keep: int) -> None:
    """Remove all but the ``keep`` highest checkpoints, and what interrupted writes left."""
    for folder in checkpoints(root)[keep:]:
        shutil.rmtree(folder, ignore_errors=True)
    replaced = [path for path in root.glob(f"step-*{_OLD}") if path.with_suffix("").exists()]
    for leftover in (*root.glob("step-*.tmp"), *replaced):
        shutil.rmtree(leftover, ignore_errors=True)


def encode_tensors(named: dict[str, Tensor]) -> bytes:
    """Named tensors as the bytes of a safetensors file; tensors that share memory are written apart."""
    return save({name: tensor.detach().cpu().clone(memory_format=_contiguous()) for name, tensor in named.items()})


def check_finite(group: str, named: dict[str, Tensor], step: int) -> None:
    """Refuse tensors of which one is NaN or infinite. Synchronises with the device.

    Raises:
        NonFiniteError: the message names the first of them, its group and the step.
    """
    for name, tensor in named.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):  # host sync: where all is saved or judged
            raise NonFiniteError(
                f"{group} tensor {name!r} is not finite at step {step}; it was not written",
                fix="start anew with a lower learning rate; the last checkpoint is intact",
            )


def _encode(group: str, named: dict[str, Tensor], step: int) -> bytes:
    check_finite(group, named, step)
    return encode_tensors(named)


def _contiguous() -> Any:
    import torch

    return torch.contiguous_format
