"""Real wheels of small plugins, installed by pip: twelve that each do something wrong."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

PREAMBLE = """\
from ganzoo.options import GANOptions
from ganzoo.registry import Paper, VariantSpec, hookimpl

def variant(name, builder="{module}.build:build", **more):
    return VariantSpec(name=name, summary="for tests", builder=builder, options=GANOptions, backbone=None,
                       paper=Paper(authors="Nobody", year=2020, title="Nothing"), **more)

@hookimpl
def ganzoo_variants():
    return make()

def make():
    return [variant("{name}")]
"""


class Bad(NamedTuple):
    """A faulty plugin: lines at the end of its module, the state it must end in, and a part of the reason.

    ``only_checked`` says that nothing but ``--check`` can find it.
    """

    lines: str
    state: str
    reason: str
    only_checked: bool = False


TWELVE = {
    "raises": Bad("1 / 0", "broken", "ZeroDivisionError: division by zero (at import"),
    "hook": Bad("def make(): raise OSError('no disk')", "broken", "OSError: no disk (in ganzoo_variants"),
    "exits": Bad("import sys; sys.exit(3)", "broken", "it ends the process with sys.exit(3)"),
    "hangs": Bad("while True: pass", "broken", "it did not load within"),
    "segfaults": Bad("import ctypes; ctypes.string_at(0)", "broken", "it kills the process with SIGSEGV"),
    "thief": Bad(
        "def make(): return [variant('vanilla')]", "conflict", "variant 'vanilla' is claimed by ganzoo-vanilla"
    ),
    "newer": Bad("def make(): return [variant('newer', api_version=99)]", "incompatible", "plugin API 99"),
    "torch": Bad("import torch", "broken", "it imports torch at the top ("),
    "seeds": Bad("import random; random.seed(0)", "broken", "it seeds or uses the global generator of random"),
    "patches": Bad("import torch\ntorch.nn.functional.relu = abs", "broken", "it replaces torch.nn.functional.relu"),
    "spec": Bad("def make(): return [variant('Bad Name')]", "broken", "VariantSpec has the name 'Bad Name'"),
    "builder": Bad(
        "def make(): return [variant('builder', builder='bad_builder.build:nothing')]",
        "broken",
        "module bad_builder.build has no such name at 'nothing'",
        only_checked=True,
    ),
}
"""What a plugin can do wrong, by name."""

BUILD = "def build(options, networks, data):\n    raise NotImplementedError\n"


def wheel(folder: Path, name: str, lines: str = "", *, distribution: str = "", build: str = BUILD) -> Path:
    """Write the wheel of the plugin ``name``, whose module ends with ``lines``."""
    distribution = distribution or f"bad-{name}"
    package = distribution.replace("-", "_")
    info = f"{package}-1.0.dist-info"
    files = {
        f"{package}/__init__.py": "",
        f"{package}/plugin.py": PREAMBLE.format(module=package, name=name) + lines + "\n",
        f"{package}/build.py": build,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[ganzoo]\n{name} = {package}.plugin\n",
    }
    record = "".join(f"{path},sha256={_hash(text)},{len(text)}\n" for path, text in files.items())
    path = folder / f"{package}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name_in_archive, text in (*files.items(), (f"{info}/RECORD", f"{record}{info}/RECORD,,\n")):
            archive.writestr(name_in_archive, text)
    return path


def pip_install(wheels: Iterable[Path], target: Path) -> Path:
    """Install ``wheels`` into the folder ``target``, as it would be in site-packages."""
    words = [
        "--quiet",
        "--no-index",
        "--no-deps",
        "--no-compile",
        "--disable-pip-version-check",
        "--target",
        str(target),
    ]
    subprocess.run([sys.executable, "-m", "pip", "install", *words, *map(str, wheels)], check=True, timeout=120)
    return target


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
