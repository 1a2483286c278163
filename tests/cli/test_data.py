"""``ganzoo data``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from ganzoo.cli.main import main
from ganzoo.data import locate


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's data is not there, and pictures go to a folder of the test."""
    monkeypatch.delenv("GANZOO_DATA", raising=False)
    monkeypatch.setattr(locate, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.chdir(tmp_path)


def test_list_names_every_set_and_its_supplier(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "list", "--json"]) == 0
    found = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert {"mnist", "fashion-mnist", "kmnist", "emnist", "usps", "cifar10", "svhn", "folder", "digits"} <= set(found)
    assert found["mnist"]["origin"]["distribution"] == "ganzoo"
    assert main(["data", "list"]) == 0
    assert "fashion-mnist" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["list"], ["--help"], ["info", "mnist", "--image-size", "32"]])
def test_listing_and_describing_leave_torch_unimported(words: list[str]) -> None:
    code = f"""
import sys
from ganzoo.cli.main import main
status = main(["data", *{words!r}])
sys.exit(status or 100 * ("torch" in sys.modules))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_info_tells_the_shape_after_conversion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "info", "digits", "--image-size", "32", "--channels", "3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["channels"], told["height"], told["width"]) == (3, 32, 32)
    assert told["sizes"] == {"train": 1437, "test": 360}
    assert Path(told["place"]).is_dir()
    assert main(["data", "info", "kmnist"]) == 0
    assert "not there yet" in capsys.readouterr().out


def test_preview_writes_a_picture_that_the_seed_decides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert main(["data", "preview", "digits", "--n", "9", "--seed", str(seed), "--out", f"new/{name}.png"]) == 0
    assert "new/a.png" in capsys.readouterr().out
    a, b, c = (Image.open(tmp_path / f"new/{name}.png").tobytes() for name in "abc")
    assert a == b
    assert a != c


def test_preview_shows_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "photos" / "cats"
    folder.mkdir(parents=True)
    for i in range(5):
        Image.new("RGB", (8, 8), "red").save(folder / f"{i}.png")
    assert main(["data", "preview", f"folder:{tmp_path / 'photos'}", "--out", "p.png", "--image-size", "16"]) == 0
    picture = Image.open("p.png").convert("RGB")
    assert (255, 0, 0) in {colour for _, colour in picture.getcolors(maxcolors=10_000) or []}


@pytest.mark.parametrize("out", ["p.txt", "p"])
def test_preview_refuses_what_is_no_picture(out: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "preview", "digits", "--out", out]) == 2
    assert ".png" in capsys.readouterr().err


def test_preview_says_what_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["data", "preview", "digits", "--out", "file/p.png"]) == 2
    assert "cannot write --out file/p.png" in capsys.readouterr().err


def test_verify_says_on_what_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "verify", "digits"]) == 0
    told = capsys.readouterr().out
    assert "digits.npz" in told
    assert "equal to the known checksum" in told


def test_verify_of_what_is_not_there_ends_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "verify", "mnist", "--data-dir", str(tmp_path)]) == 3
    assert f"--data-dir {tmp_path}" in capsys.readouterr().err


def test_verify_names_a_corrupt_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from ganzoo.data.idx import MNIST

    for file in MNIST.files:
        (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file.path).write_bytes(b"half")
    assert main(["data", "verify", "mnist", "--data-dir", str(tmp_path)]) == 3
    told = capsys.readouterr().err
    assert str(tmp_path / MNIST.files[0].path) in told
    assert "4 bytes, expected 47,040,016" in told


def test_download_of_what_is_there_verifies_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "download", "digits"]) == 0
    assert "verified" in capsys.readouterr().out


def test_download_goes_to_the_data_dir_although_another_place_has_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ganzoo.data.idx import KMNIST

    for file in KMNIST.files:
        (tmp_path / "cache" / file.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cache" / file.path).write_bytes(file.header.ljust(file.size or 0, b"\0"))
    fetched = []
    monkeypatch.setattr(KMNIST, "download", lambda source: fetched.append(source.options.data_dir))
    assert main(["data", "download", "kmnist"]) == 0
    assert fetched == []
    assert main(["data", "download", "kmnist", "--data-dir", "mine"]) == 0
    assert fetched == [Path("mine")]


def test_verify_admits_that_a_structure_is_no_checksum(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from ganzoo.data.idx import EMNIST

    for file in EMNIST.files:
        (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file.path).write_bytes(file.header.ljust(file.size or 0, b"\0"))
    assert main(["data", "verify", "emnist", "--data-dir", str(tmp_path)]) == 0
    assert "a changed pixel would go unseen" in capsys.readouterr().out


def test_without_a_command_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data"]) == 2
    assert "usage: ganzoo data COMMAND" in capsys.readouterr().err
    assert main(["data", "--help"]) == 0
    assert "preview" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["lst"], ["info", "mnits"], ["preview", "digits", "--imgsize", "3"], ["info"]])
def test_a_wrong_word_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", *words]) == 2
    assert capsys.readouterr().err
