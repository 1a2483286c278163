"""`ganzoo run` on small networks and digits, and what it leaves."""

from safetensors.torch import load_file

from ganzoo.cli.main import main
from ganzoo.training.checkpoint import checkpoints

SMALL = ["--net.g-widths", "16", "--net.d-widths", "16", "--batch-size", "16", "--device", "cpu", "--threads", "1"]


def run(tmp_path, *words, name="one"):
    return main(["run", "vanilla", "--dataset", "digits", *SMALL, "--out", str(tmp_path), "--name", name, *words])


def weights(path):
    return load_file(path / "generator" / "weights.safetensors")


def final_state(path):
    folder = checkpoints(path / "checkpoints")[0]
    return {file.name: file.read_bytes() for file in folder.glob("*.safetensors")}
