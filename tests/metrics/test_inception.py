"""Where the weights are looked for, what is refused, and that the features are those of the papers' network.

The file of 96 MB is never fetched here: a small one stands for it, or a network of the same shape with random weights.
"""

from __future__ import annotations

import hashlib
import io
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from torch import nn

from ganzoo.data.convert import normalise
from ganzoo.errors import DataCorruptError, DataError, DataNotFoundError, MissingExtraError
from ganzoo.metrics import inception
from ganzoo.metrics.inception import ADDRESS, FILE, SHA256, SIZE, cache_file, load, read_weights

GOOD = bytes(range(256)) * 100
WRONG = b"<html>no weights</html>"


def expect(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(inception, "SIZE", len(content))
    monkeypatch.setattr(inception, "SHA256", hashlib.sha256(content).hexdigest())


@pytest.fixture
def good(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The content that the weights file must have."""
    expect(monkeypatch, GOOD)
    return GOOD


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that GANZOO_INCEPTION names."""
    monkeypatch.setenv("GANZOO_INCEPTION", str(tmp_path / "my weights"))
    return tmp_path / "my weights"


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """Where torch-fidelity puts the file."""
    return tmp_path / "torch" / "hub" / "checkpoints" / FILE


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


class Server:
    """Serves ``content`` to whoever asks, and counts them; ``status`` and ``promised`` bytes go before it."""

    def __init__(self) -> None:
        self.content, self.status, self.promised, self.asked = GOOD, 200, len(GOOD), 0

    def handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked += 1
                self.send_response(server.status)
                self.send_header("Content-Length", str(server.promised))
                self.end_headers()
                self.wfile.write(server.content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of the file, at the address that the download takes."""
    ours = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), ours.handler()) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setattr(inception, "ADDRESS", f"http://127.0.0.1:{listening.server_port}/{FILE}")
        yield ours
        listening.shutdown()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inception, "ADDRESS", f"http://127.0.0.1:1/{FILE}")


def left(folder: Path) -> list[str]:
    """All files below ``folder``, with those that are hidden."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


class TestWhereTheFileIsLookedFor:
    def test_what_the_variable_names_goes_before_the_cache_and_that_before_torch_hub(
        self, good: bytes, named: Path, hub: Path, server: Server
    ) -> None:
        put(named, good)
        put(cache_file(), WRONG)
        put(hub, WRONG)
        assert read_weights() == good

    def test_the_cache_goes_before_torch_hub(self, good: bytes, hub: Path, server: Server) -> None:
        put(cache_file(), good)
        put(hub, WRONG)
        assert read_weights() == good

    def test_torch_hub_goes_before_a_download(self, good: bytes, hub: Path, server: Server) -> None:
        put(hub, good)
        assert read_weights() == good
        assert server.asked == 0

    def test_what_the_variable_names_must_be_there(self, good: bytes, named: Path, hub: Path, server: Server) -> None:
        put(hub, good)
        with pytest.raises(DataNotFoundError, match=f"GANZOO_INCEPTION names {named}, which does not exist"):
            read_weights()
        assert server.asked == 0

    def test_a_path_may_begin_at_home(self, good: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("GANZOO_INCEPTION", "~/weights")
        put(tmp_path / "weights", good)
        assert read_weights() == good

    def test_an_empty_variable_names_nothing(self, good: bytes, hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GANZOO_INCEPTION", "")
        put(hub, good)
        assert read_weights() == good

    def test_what_cannot_be_read_is_named(self, named: Path) -> None:
        named.mkdir()
        with pytest.raises(DataError, match=f"{named} cannot be read: Is a directory"):
            read_weights()


class TestWhatIsRefused:
    @pytest.mark.parametrize("content", [WRONG, GOOD[:-1], b""], ids=["another", "a part", "empty"])
    @pytest.mark.parametrize("place", ["named", "cache", "hub"])
    def test_a_wrong_file_is_named_with_what_is_expected(
        self, place: str, content: bytes, request: pytest.FixtureRequest, server: Server
    ) -> None:
        path: Path = cache_file() if place == "cache" else request.getfixturevalue(place)
        put(path, content)
        with pytest.raises(DataCorruptError) as caught:
            read_weights()
        message = str(caught.value)
        for part in (str(path), f"{len(content):,} bytes", hashlib.sha256(content).hexdigest(), SHA256, "95,628,359"):
            assert part in message
        assert inception.ADDRESS in message
        assert path.read_bytes() == content
        assert server.asked == 0

    def test_the_known_file_is_that_of_torch_fidelity(self) -> None:
        extractor = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
        assert extractor.URL_INCEPTION_V3 == ADDRESS
        # Torch hub's files carry the first digits of their hash.
        assert FILE.endswith(f"-{SHA256[:8]}.pth")
        assert (SIZE, len(SHA256)) == (95_628_359, 64)


class TestDownload:
    def test_it_ends_in_the_cache_and_is_not_repeated(self, good: bytes, server: Server, user_cache: Path) -> None:
        assert read_weights() == good
        assert read_weights() == good
        assert server.asked == 1
        assert cache_file() == user_cache / "models" / FILE
        assert left(user_cache) == [FILE]

    @pytest.mark.parametrize(
        ("content", "promised", "status", "said"),
        [
            (WRONG, len(WRONG), 200, "is not the weights file"),
            (GOOD[:1000], len(GOOD), 200, "IncompleteRead"),
            (GOOD[:1000], 1000, 200, "is not the weights file"),
            (WRONG, len(WRONG), 404, "download: failed: HTTP Error 404: Not Found"),
        ],
        ids=["another file", "broken off", "a part", "not found"],
    )
    def test_a_failure_leaves_nothing_and_can_be_repeated(
        self,
        good: bytes,
        server: Server,
        user_cache: Path,
        content: bytes,
        promised: int,
        status: int,
        said: str,
    ) -> None:
        server.content, server.promised, server.status = content, promised, status
        with pytest.raises(DataError, match=said) as caught:
            read_weights()
        assert inception.ADDRESS in str(caught.value)
        assert left(user_cache) == []
        server.content, server.promised, server.status = good, len(good), 200
        assert read_weights() == good

    def test_without_a_network_the_error_says_what_to_put_where(
        self, no_network: None, user_cache: Path, hub: Path
    ) -> None:
        with pytest.raises(DataNotFoundError) as caught:
            read_weights()
        message = str(caught.value)
        for part in (
            "Connection refused",
            "GANZOO_INCEPTION: not set",
            f"cache {cache_file()}: not there",
            f"torch hub {hub}: not there",
            f"put {inception.ADDRESS} (95,628,359 bytes, SHA-256 {SHA256}) at {cache_file()}",
            "or set GANZOO_INCEPTION",
            "--features mnist-cnn",
        ):
            assert part in message
        assert left(user_cache) == []

    def test_a_silent_server_is_not_waited_for(
        self, good: bytes, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(inception, "_PATIENCE", 0.05)
        blocked = threading.Event()
        monkeypatch.setattr(BaseHTTPRequestHandler, "end_headers", lambda handler: blocked.wait(1))
        with pytest.raises(DataNotFoundError, match="timed out"):
            read_weights()
        blocked.set()

    def test_a_folder_that_cannot_be_written_to_is_named(self, good: bytes, server: Server, user_cache: Path) -> None:
        put(user_cache / "models", b"a file in the way")
        with pytest.raises(DataError, match=f"{user_cache / 'models'} cannot be written to") as caught:
            read_weights()
        assert "GANZOO_INCEPTION" in str(caught.value.fix)


def test_without_torch_fidelity_the_error_holds_the_pip_line(monkeypatch: pytest.MonkeyPatch, no_network: None) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", None)
    with pytest.raises(MissingExtraError, match="needs torch-fidelity") as caught:
        load()
    assert 'pip install "ganzoo[inception]"' in str(caught.value.fix)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of Inception's shape, at random and of a size that brings every layer's signal through."""
    extractor = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")

    class Unloaded(extractor.FeatureExtractorInceptionV3):
        def load_state_dict(self, *_: object) -> None:
            pass

    folder = tmp_path_factory.mktemp("inception")
    torch.save({}, folder / "empty")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Unloaded("random", ["2048"], feature_extractor_weights_path=str(folder / "empty"))
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    torch.save(network.state_dict(), folder / FILE)
    return folder / FILE


@pytest.fixture
def ours(weights: Path, monkeypatch: pytest.MonkeyPatch) -> inception.InceptionV3:
    """The extractor with these weights, found as a user's file is."""
    expect(monkeypatch, weights.read_bytes())
    monkeypatch.setenv("GANZOO_INCEPTION", str(weights))
    return load()


@pytest.fixture
def pixels(rng: torch.Generator) -> torch.Tensor:
    """Two images with every byte in them."""
    values = torch.randperm(2 * 3 * 16 * 16, generator=rng) % 256
    return values.to(torch.uint8).view(2, 3, 16, 16)


@pytest.mark.slow
def test_features_and_logits_are_torch_fidelitys_to_the_bit(
    ours: inception.InceptionV3, weights: Path, pixels: torch.Tensor
) -> None:
    extractor = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    theirs = extractor.FeatureExtractorInceptionV3(
        "theirs", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(weights)
    )
    vectors, logits = theirs.eval()(pixels)
    seen = ours.extract(normalise(pixels))
    assert torch.equal(seen.vectors, vectors)
    assert torch.equal(seen.logits, logits)
    assert (seen.vectors.shape, seen.logits.shape) == ((2, 2048), (2, 1008))
    assert (vectors[0] - vectors[1]).abs().max() > 1e-3 * vectors.abs().max()


@pytest.mark.slow
def test_features_are_those_that_torchmetrics_judges_by(
    ours: inception.InceptionV3, weights: Path, pixels: torch.Tensor
) -> None:
    fid = pytest.importorskip("torchmetrics.image.fid")
    theirs = fid.FrechetInceptionDistance(feature_extractor_weights_path=str(weights), antialias=False)
    torch.testing.assert_close(ours.extract(normalise(pixels)).vectors, theirs.inception(pixels), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_grey_is_three_equal_channels(ours: inception.InceptionV3, pixels: torch.Tensor) -> None:
    grey = pixels[:, :1]
    assert torch.equal(ours.extract(normalise(grey)).vectors, ours.extract(normalise(grey.repeat(1, 3, 1, 1))).vectors)


@pytest.mark.slow
def test_it_is_frozen_and_leaves_the_random_stream_alone(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expect(monkeypatch, weights.read_bytes())
    put(cache_file(), weights.read_bytes())
    before = torch.get_rng_state()
    network = load()
    assert torch.equal(torch.get_rng_state(), before)
    assert not network.training
    assert not any(weight.requires_grad for weight in network.parameters())


def test_a_file_with_code_in_it_is_not_run(monkeypatch: pytest.MonkeyPatch, named: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch_fidelity")

    class Code:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
            return (Path.touch, (tmp_path / "run",))

    content = io.BytesIO()
    torch.save({"weight": Code()}, content)
    put(named, content.getvalue())
    expect(monkeypatch, content.getvalue())
    with pytest.raises(Exception, match="Weights only load failed"):
        load()
    assert not (tmp_path / "run").exists()
