"""The run folder: one writer, names, and a log that resumes at an exact position."""

import subprocess
import sys

import pytest

from ganzoo.errors import CheckpointError, ConfigError, RunLockedError
from ganzoo.training.run_folder import RunFolder, new_run_path, read_metrics


def test_the_log_resumes_at_the_position_of_the_checkpoint(tmp_path):
    with RunFolder(tmp_path) as folder:
        folder.open_log()
        folder.log(50, 100, 1.5, {"d/real": 0.5})
        position = folder.log_position()
        folder.log(100, 200, 3.0, {"d/real": 0.25})
    with RunFolder(tmp_path) as folder:
        folder.open_log(position)
        folder.log(100, 200, 3.0, {"d/real": 0.125})
    assert [(line["step"], line["d/real"]) for line in read_metrics(tmp_path)] == [(50, 0.5), (100, 0.125)]


def test_a_log_shorter_than_the_checkpoint_counts_on_is_refused(tmp_path):
    with RunFolder(tmp_path) as folder, pytest.raises(CheckpointError, match="shorter"):
        folder.open_log(10)


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"st')
    assert read_metrics(tmp_path) == [{"step": 1}]
    (tmp_path / "metrics.jsonl").write_text('{"st\n{"step": 1}\n')
    with pytest.raises(CheckpointError, match="no JSON"):
        read_metrics(tmp_path)


def test_a_second_writer_is_turned_away_and_a_dead_one_is_not(tmp_path):
    hold = (
        "import sys; from pathlib import Path; from ganzoo.training.run_folder import RunFolder\n"
        "folder = RunFolder(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(RunLockedError, match="another process"):
            RunFolder(tmp_path)
        other.kill()
    RunFolder(tmp_path).close()


def path_of(out, name, default="x"):
    with new_run_path(out, name, default) as path:
        return path


def test_names(tmp_path):
    assert path_of(tmp_path, "mine") == tmp_path / "mine"
    (tmp_path / "mine").mkdir()
    assert path_of(tmp_path, "mine") == tmp_path / "mine"
    (tmp_path / "mine" / "config.toml").touch()
    with pytest.raises(ConfigError, match="there is a run in"):
        path_of(tmp_path, "mine")


def test_runs_that_start_together_have_a_folder_each(tmp_path):
    with new_run_path(tmp_path, None, "dcgan-mnist") as one, new_run_path(tmp_path, None, "dcgan-mnist") as other:
        assert [one.name, other.name] == ["dcgan-mnist-1", "dcgan-mnist-2"]
        assert one.is_dir()
        assert other.is_dir()
    assert one.is_dir()


def test_a_run_that_does_not_begin_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), new_run_path(tmp_path / "a" / "b", None, "x"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def begin_and_fail(path):
    (path / "config.toml").touch()
    raise ZeroDivisionError


def test_a_run_that_began_and_failed_stays(tmp_path):
    with pytest.raises(ZeroDivisionError), new_run_path(tmp_path / "runs", None, "x") as path:
        begin_and_fail(path)
    assert (tmp_path / "runs" / "x-1" / "config.toml").exists()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/tmp/x"])
def test_a_name_is_a_single_folder(tmp_path, name):
    with pytest.raises(ConfigError, match="single folder name"):
        path_of(tmp_path, name)


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot write"):
        RunFolder(tmp_path / "file" / "run")
    with pytest.raises(ConfigError, match="cannot write"):
        path_of(tmp_path / "file", None)
