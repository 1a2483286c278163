"""A download ends verified or absent, whoever is killed and however many run at once."""

from __future__ import annotations

import errno
import gzip
import hashlib
import multiprocessing
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import URLError

import pytest

from ganzoo.data import DataOptions
from ganzoo.data.download import DownloadError, download
from ganzoo.data.idx import MNIST, IdxSource
from ganzoo.errors import DataCorruptError, DataNotFoundError, DiskFullError

fork = multiprocessing.get_context("fork")


def source(tiny: type[IdxSource], root: Path) -> IdxSource:
    return tiny(DataOptions(dataset="tiny", data_dir=root))


def holds(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()} - {".tiny.lock"}


def test_what_is_missing_is_fetched_and_then_read(
    tiny: type[IdxSource], tmp_path: Path, contents: dict[str, bytes]
) -> None:
    root = tmp_path / "new"
    assert len(source(tiny, root).load("train")) == 30
    assert {name: (root / name).read_bytes() for name in holds(root)} == contents


def test_without_a_data_dir_the_cache_is_filled(tiny: type[IdxSource], nowhere: Path) -> None:
    tiny(DataOptions(dataset="tiny")).download()
    assert len(holds(nowhere)) == 4


def test_files_that_are_there_are_left_alone(tiny: type[IdxSource], tmp_path: Path, contents: dict[str, bytes]) -> None:
    kept = tmp_path / tiny.files[0].path
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"the user's")
    source(tiny, tmp_path).download()
    assert kept.read_bytes() == b"the user's"
    assert (tmp_path / tiny.files[1].path).read_bytes() == contents[tiny.files[1].path]


def test_a_wrong_file_is_not_moved_into_place(tiny: type[IdxSource], tmp_path: Path) -> None:
    class Wrong(tiny):  # type: ignore[misc, valid-type]
        def fetch(self, folder: Path) -> None:
            super().fetch(folder)
            path = folder / self.files[3].path
            path.write_bytes(path.read_bytes()[:-1] + b"?")

    with pytest.raises(DataCorruptError, match="t10k-labels"):
        source(Wrong, tmp_path).download()
    assert holds(tmp_path) == set()


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (URLError(socket.gaierror(-2, "Name or service not known")), "Name or service not known"),
        (RuntimeError("File not found or corrupted."), "File not found or corrupted."),
        (TimeoutError("timed out"), "timed out"),
        (PermissionError(13, "Permission denied"), "Permission denied"),
    ],
)
def test_a_failure_says_where_was_looked_and_leaves_nothing(
    tiny: type[IdxSource], tmp_path: Path, failure: Exception, said: str
) -> None:
    class Failing(tiny):  # type: ignore[misc, valid-type]
        def fetch(self, folder: Path) -> None:
            (folder / "half").write_bytes(b"half")
            raise failure

    with pytest.raises(DataNotFoundError) as caught:
        source(Failing, tmp_path).load("train")
    assert f"download: failed: {said}" in str(caught.value).replace("[Errno -2] ", "").replace("[Errno 13] ", "")
    assert f"--data-dir {tmp_path}: lacks" in str(caught.value)
    assert holds(tmp_path) == set()


def test_a_full_disk_has_an_error_of_its_own(tiny: type[IdxSource], tmp_path: Path) -> None:
    def fetch(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskFullError, match=str(tmp_path)):
        download("tiny", tiny.files, fetch, tmp_path)
    assert holds(tmp_path) == set()


def test_the_time_out_is_set_for_the_download_alone(tiny: type[IdxSource], tmp_path: Path) -> None:
    seen = []

    def fetch(folder: Path) -> None:
        seen.append(socket.getdefaulttimeout())
        raise URLError("down")

    with pytest.raises(DownloadError):
        download("tiny", tiny.files, fetch, tmp_path)
    assert seen == [30.0]
    assert socket.getdefaulttimeout() is None


def test_checksums_that_nobody_publishes_are_noted(
    tiny: type[IdxSource], tmp_path: Path, contents: dict[str, bytes]
) -> None:
    class Unknown(tiny):  # type: ignore[misc, valid-type]
        files = tuple(replace(file, md5=None) for file in tiny.files)

    unknown = source(Unknown, tmp_path)
    unknown.download()
    assert unknown.verify().evidence == ("record",)
    path = tmp_path / tiny.files[0].path
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(DataCorruptError, match="SHA-256"):
        unknown.load("train")


def test_one_of_eight_processes_fetches(tiny: type[IdxSource], tmp_path: Path) -> None:
    def run() -> None:
        def fetch(folder: Path) -> None:
            with (tmp_path / "fetches").open("a") as log:
                log.write("x")
            time.sleep(0.05)
            source(tiny, tmp_path).fetch(folder)

        download("tiny", tiny.files, fetch, tmp_path / "root")
        assert len(source(tiny, tmp_path / "root").load("all")) == 42

    processes = [fork.Process(target=run) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0] * 8
    assert (tmp_path / "fetches").read_text() == "x"


def test_fifty_kills_leave_whole_files_or_none(
    tiny: type[IdxSource], tmp_path: Path, contents: dict[str, bytes]
) -> None:
    def run() -> None:
        def fetch(folder: Path) -> None:
            for name, content in contents.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                with (folder / name).open("wb", buffering=0) as file:
                    for start in range(0, len(content), 4096):
                        file.write(content[start : start + 4096])
                        time.sleep(0.0005)

        download("tiny", tiny.files, fetch, tmp_path)

    rng = random.Random(0)
    for _ in range(50):
        process = fork.Process(target=run)
        process.start()
        time.sleep(rng.uniform(0.0, 0.03))
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        for name, content in contents.items():
            if (tmp_path / name).exists():
                assert (tmp_path / name).read_bytes() == content
        if rng.random() < 0.5:
            for name in contents:
                (tmp_path / name).unlink(missing_ok=True)
    run()
    assert holds(tmp_path) == set(contents)


@pytest.fixture
def server(tmp_path: Path, contents: dict[str, bytes]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A server of the packed files: its address, and their names with the MD5s that torchvision checks."""
    resources = []
    (tmp_path / "www").mkdir()
    for name, content in contents.items():
        packed = gzip.compress(content, mtime=0)
        file = tmp_path / "www" / (Path(name).name + ".gz")
        file.write_bytes(packed)
        resources.append((file.name, hashlib.md5(packed).hexdigest()))
    handler = partial(SilentHandler, directory=str(tmp_path / "www"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", resources
        server.shutdown()


class SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.slow  # torchvision's import
def test_torchvision_downloads_from_a_server(
    tiny: type[IdxSource],
    tmp_path: Path,
    server: tuple[str, list[tuple[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from torchvision import datasets

    address, resources = server
    monkeypatch.setattr(datasets.MNIST, "mirrors", [address])
    monkeypatch.setattr(datasets.MNIST, "resources", resources)

    class Served(tiny):  # type: ignore[misc, valid-type]
        files = tuple(replace(file, path=file.path.replace("Tiny", "MNIST")) for file in tiny.files)
        reader = "MNIST"
        fetch = MNIST.fetch

    served = source(Served, tmp_path / "root")
    assert len(served.load("all")) == 42
    assert holds(tmp_path / "root") - {".tiny.lock"} == {file.path for file in Served.files}

    monkeypatch.setattr(datasets.MNIST, "resources", [(name, "0" * 32) for name, _ in resources])
    with pytest.raises(DataNotFoundError, match="File not found or corrupted"):
        source(Served, tmp_path / "other").load("train")
    assert holds(tmp_path / "other") == set()
