"""The extractor of the papers: Inception v3 with the weights of 2015, by which FID, KID and the Inception score go.

The network is torch-fidelity's, an extra: it follows the TensorFlow graph ``inception-2015-12-05`` in its resizing, its
pooling and its 1,008 classes, in all of which torchvision's Inception differs. The weights are a file of 96 MB that is
looked for in this order:

1. the environment variable ``GANZOO_INCEPTION``, which names the file; if it is set, the file must be there;
2. ``models/`` in the user's cache folder, where a download puts it;
3. torch hub's cache, where torch-fidelity and torchmetrics put it.

The first one that is there is taken. It is proven by its SHA-256 and then read as tensors and nothing else; a wrong
file is an error, and not a reason to look further.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar
from urllib.error import HTTPError
from urllib.request import urlopen

import platformdirs
import torch
from torch import Tensor, nn

from ganzoo.durable import write_bytes
from ganzoo.errors import DataCorruptError, DataError, DataNotFoundError, GanzooError, MissingExtraError

from .features import FeatureExtractor, Features

ENVIRONMENT_VARIABLE = "GANZOO_INCEPTION"
FILE = "weights-inception-2015-12-05-6726825d.pth"
ADDRESS = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}"
SIZE = 95_628_359
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"

_PATIENCE = 30.0
"""Seconds to wait for a silent server."""


class InceptionV3(FeatureExtractor):
    """Inception v3 (Szegedy et al. 2016, arXiv 1512.00567) as FID uses it (Heusel et al. 2017, arXiv 1706.08500).

    A value v in [-1, 1] becomes the byte round(127.5 (v + 1)), grey becomes three equal channels, and the network
    resizes to 299 x 299 as TensorFlow 1 did, bilinear without antialiasing. The features are the last average pooling,
    never negative. The logits lack the last layer's bias, as in the original Inception score (Salimans et al. 2016,
    arXiv 1606.03498).

    Args:
        network: bytes (N, 3, H, W) in, float32 (N, 2048) and (N, 1008) out.
    """

    name: ClassVar[str] = "inception-v3"
    dim: ClassVar[int] = 2048
    shape: ClassVar[None] = None

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Features:
        """Features (N, 2048) and logits (N, 1008) of ``images`` (N, 1 or 3, H, W) in [-1, 1]."""
        pixels = ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        vectors, logits = self.network(pixels.expand(-1, 3, -1, -1))
        return Features(vectors, logits)

    def extract(self, images: Tensor, *, batch_size: int = 32) -> Features:
        """As :meth:`FeatureExtractor.extract`; in smaller batches, because an image is 299 x 299 in here."""
        return super().extract(images, batch_size=batch_size)


def load() -> InceptionV3:
    """The network with the weights of 2015, in evaluation mode; downloads them where they are nowhere.

    Raises:
        MissingExtraError: torch-fidelity is not installed.
        DataNotFoundError: the weights are in none of the places searched, and no download came through.
        DataCorruptError: the file found, or what was downloaded, is another one.
        DataError: the file cannot be read, or the cache folder cannot be written to.
        DiskFullError: no room for the download.
    """
    make = _torch_fidelity()
    return InceptionV3(_build(make, read_weights())).eval().requires_grad_(False)


def read_weights() -> bytes:
    """The content of the weights file, proven; raises as :func:`load` does."""
    for reason, path in places().items():
        content = _read(path) if path else None
        if content is not None:
            return _prove(content, str(path), fix=f"delete it, or put a good copy of {ADDRESS} there")
        if path and reason == ENVIRONMENT_VARIABLE:
            raise DataNotFoundError(
                f"{ENVIRONMENT_VARIABLE} names {path}, which does not exist", fix=f"correct or unset it; {_ways()}"
            )
    return _download(cache_file())


def places() -> dict[str, Path | None]:
    """Where the file is looked for, in order, by reason; None for a reason that does not apply."""
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    return {
        ENVIRONMENT_VARIABLE: Path(named).expanduser() if named else None,
        "cache": cache_file(),
        "torch hub": Path(torch.hub.get_dir()) / "checkpoints" / FILE,
    }


def cache_file() -> Path:
    """Where a download puts the file."""
    return platformdirs.user_cache_path("ganzoo") / "models" / FILE


def _torch_fidelity() -> Callable[..., nn.Module]:
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError as error:
        raise MissingExtraError(
            f"inception-v3 needs torch-fidelity, which cannot be imported: {error}",
            fix='pip install "ganzoo[inception]"; or, for digits, --features mnist-cnn',
        ) from None
    make: Callable[..., nn.Module] = FeatureExtractorInceptionV3
    return make


def _build(make: Callable[..., nn.Module], content: bytes) -> nn.Module:
    state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    # The constructor unpickles whatever file it is given; this one is written here, of tensors alone.
    rewritten = io.BytesIO()
    torch.save(state, rewritten)
    rewritten.seek(0)
    with torch.random.fork_rng(devices=[]):  # the constructor draws weights that are then overwritten
        return make("inception-v3", ["2048", "logits_unbiased"], feature_extractor_weights_path=rewritten)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", fix="check its permissions and the disk") from None


def _prove(content: bytes, source: str, *, fix: str) -> bytes:
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256:
        raise DataCorruptError(
            f"{source} is not the weights file, or not all of it: {len(content):,} bytes with the SHA-256 {digest}, "
            f"expected {SIZE:,} bytes with {SHA256}",
            fix=fix,
        )
    return content


def _download(target: Path) -> bytes:
    """Put the file at ``target``: whole or not at all, whoever is killed and however many do it at once."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".partial-", dir=target.parent) as partial:
            content = _prove(_fetch(), ADDRESS, fix=f"try again; {_ways()}")
            write_bytes(Path(partial, FILE), content)
            os.replace(Path(partial, FILE), target)
    except GanzooError:
        raise
    except OSError as error:
        raise DataError(f"{target.parent} cannot be written to: {error.strerror}", fix=_ways()) from None
    return content


def _fetch() -> bytes:
    try:
        with urlopen(ADDRESS, timeout=_PATIENCE) as response:
            content: bytes = response.read()
            return content
    except (OSError, HTTPException) as error:
        reason = error if isinstance(error, HTTPError) else getattr(error, "reason", error)
        raise _not_found(f"failed: {reason}") from None


def _not_found(download: str) -> DataNotFoundError:
    lines = ["the weights of inception-v3 are in none of the places searched"]
    lines += [f"  {reason}{f' {path}: not there' if path else ': not set'}" for reason, path in places().items()]
    lines += [f"  download: {download}"]
    return DataNotFoundError("\n".join(lines), fix=_ways())


def _ways() -> str:
    """How to go on without a download."""
    return (
        f"put {ADDRESS} ({SIZE:,} bytes, SHA-256 {SHA256}) at {cache_file()}, or set {ENVIRONMENT_VARIABLE} to where "
        "it is. Without the file, for digits: --features mnist-cnn"
    )
