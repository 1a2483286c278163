"""What the machine says of itself, with an NVML that is made up: no GPU is asked here."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ganzoo.bench import machine


class NVMLError(Exception):
    """What NVML raises for a question that a GPU does not answer."""


def nvml(**more: Any) -> SimpleNamespace:
    def refuse(*words: Any) -> Any:
        raise NVMLError("not supported")

    values: dict[str, Any] = {
        "NVML_CLOCK_SM": 1,
        "NVML_CLOCK_MEM": 2,
        "NVML_TEMPERATURE_GPU": 0,
        "nvmlClocksThrottleReasonNone": 0,
        "nvmlClocksThrottleReasonGpuIdle": 1,
        "nvmlClocksThrottleReasonSwPowerCap": 4,
        "nvmlClocksThrottleReasonHwSlowdown": 8,
        "nvmlClocksThrottleReasonAll": 13,
        "nvmlInit": lambda: None,
        "nvmlDeviceGetHandleByIndex": lambda index: f"index {index}",
        "nvmlDeviceGetHandleByUUID": lambda uuid: f"uuid {uuid}",
        "nvmlDeviceGetClockInfo": lambda handle, kind: {1: 1980, 2: 3201}[kind],
        "nvmlDeviceGetTemperature": lambda handle, kind: 61,
        "nvmlDeviceGetPowerUsage": refuse,
        "nvmlDeviceGetTotalEnergyConsumption": lambda handle: 5_000_000,
        "nvmlDeviceGetCurrentClocksThrottleReasons": lambda handle: 1 | 4,
    }
    return SimpleNamespace(**(values | more))


def test_what_was_changed_is_told_from_what_was_committed(tmp_path: Path, monkeypatch) -> None:
    def run(*words: str) -> None:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True)

    for name in ("ganzoo/__init__.py", "plugins/one.py", "docs/page.md"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("a\n", encoding="utf-8")
    run("init")
    run("add", ".")
    run("commit", "-m", "one")
    monkeypatch.setattr(machine, "_PACKAGE", tmp_path / "ganzoo")
    clean = machine.git()
    assert clean is not None
    assert not clean["changed"]
    (tmp_path / "docs/page.md").write_text("b\n", encoding="utf-8")
    assert machine.git() == clean, "no code"
    (tmp_path / "plugins/one.py").write_text("b\n", encoding="utf-8")
    first = machine.git()
    assert first is not None
    assert first["changed"]
    assert machine.git() == first
    (tmp_path / "ganzoo/new.py").write_text("b\n", encoding="utf-8")
    second = machine.git()
    assert second is not None
    assert second["changes_sha256"] != first["changes_sha256"]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``gpu(**functions)`` installs an NVML; the cached answer about the last one is forgotten."""

    def install(**more: Any) -> None:
        machine._gpu.cache_clear()
        monkeypatch.setitem(sys.modules, "pynvml", nvml(**more))

    yield install
    machine._gpu.cache_clear()


def test_a_gpu_tells_its_state_and_what_it_does_not_know_is_none(gpu) -> None:
    gpu()
    found = machine.gauges("cuda:0")
    assert (found.sm_clock_mhz, found.memory_clock_mhz, found.temperature_c) == (1980, 3201, 61)
    assert found.power_watts is None
    assert found.throttled == ["SwPowerCap"], "an idle GPU is not throttled"
    assert machine.millijoules("cuda:0") == 5_000_000


@pytest.mark.parametrize(
    ("visible", "device", "handle"),
    [
        (None, "cuda:3", "index 3"),
        (None, "cuda", "index 0"),
        ("5,7", "cuda:1", "index 7"),
        ("GPU-aa,GPU-bb", "cuda:1", "uuid GPU-bb"),
    ],
)
def test_cuda_counts_the_visible_ones_and_nvml_all(gpu, monkeypatch, visible, device, handle) -> None:
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    asked = []
    gpu(nvmlDeviceGetTotalEnergyConsumption=lambda found: asked.append(found) or 1)
    machine.millijoules(device)
    assert asked == [handle]


def test_without_nvml_only_the_load_is_known(gpu, monkeypatch) -> None:
    def fail() -> None:
        raise NVMLError("driver not loaded")

    gpu(nvmlInit=fail)
    found = machine.gauges("cuda:0")
    assert (found.sm_clock_mhz, found.throttled) == (None, [])
    assert machine.millijoules("cuda:0") is None
    assert machine.millijoules("cpu") is None
    assert machine.gauges("cpu").load == pytest.approx(machine.load_average(), abs=1)


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="only Linux tells")
def test_the_machine_has_computed_at_least_what_this_process_has() -> None:
    before, own = machine.busy_seconds(), time.process_time()
    while time.process_time() - own < 0.5:
        pass
    assert machine.busy_seconds() - before > 0.4, "it is counted in ticks of 10 ms"


def test_page_faults_are_counted() -> None:
    before = machine.page_faults()
    if before is None:
        pytest.skip("this system does not tell")
    touched = bytearray(64 << 20)
    touched[::4096] = b"\1" * len(touched[::4096])
    after = machine.page_faults()
    assert after is not None
    assert after[0] - before[0] > 10


def test_the_commit_is_that_of_the_package_and_of_no_repository_around_it(tmp_path: Path, monkeypatch) -> None:
    words = ["git", "-C", str(tmp_path)]
    subprocess.run([*words, "init", "-q"], check=True)
    (tmp_path / "ganzoo").mkdir()
    (tmp_path / "ganzoo" / "__init__.py").write_text("")
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([*words, *identity, "commit", "-q", "--allow-empty", "-m", "empty"], check=True)
    monkeypatch.setattr(machine, "_PACKAGE", tmp_path / "ganzoo")
    assert machine.git() is None, "installed inside somebody else's repository"
    subprocess.run([*words, "add", "."], check=True)
    subprocess.run([*words, *identity, "commit", "-q", "-m", "package"], check=True)
    found = machine.git()
    assert found is not None
    assert len(found["commit"]) == 40
    assert not found["changed"]
    (tmp_path / "ganzoo" / "__init__.py").write_text("changed = True\n")
    assert (machine.git() or {})["changed"]
