"""docs/measuring.md tells the truth: its examples run, its plugin works, and its tables agree with the code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ganzoo.config import TrainingOptions
from ganzoo.metrics import inception
from ganzoo.metrics.builtin import ganzoo_extractors, ganzoo_metrics
from ganzoo.metrics.mnist_cnn import load, load_stacked
from ganzoo.metrics.options import EvaluationOptions

PAGE = (Path(__file__).parents[2] / "docs" / "measuring.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
FILES = dict(re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```', PAGE, re.DOTALL | re.MULTILINE))


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    section = PAGE.partition(f"# {heading}\n")[2]
    lines = section.partition("\n\n|")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines]


@pytest.mark.parametrize("code", EXAMPLES)
def test_examples_run(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/measuring.md", "exec"), {"__name__": "example"})


def test_all_were_found() -> None:
    assert len(EXAMPLES) == 3
    assert FILES.keys() == {"pyproject.toml", "ganzoo_thumbnail/plugin.py", "ganzoo_thumbnail/thumbnail.py"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin of the page, laid out as an installed distribution is."""
    top = tmp_path_factory.mktemp("site-packages")
    for name, text in FILES.items():
        (top / name).parent.mkdir(exist_ok=True)
        (top / name).write_text(text, encoding="utf-8")
    (top / "ganzoo_thumbnail" / "__init__.py").touch()
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    info = top / f"ganzoo_thumbnail-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = "\n".join(f"{name} = {module}" for name, module in project["entry-points"]["ganzoo"].items())
    (info / "entry_points.txt").write_text(f"[ganzoo]\n{points}\n")
    return top


class TestPlugin:
    def told(self, site: Path, *words: str) -> Any:
        environment = os.environ | {"PYTHONPATH": str(site)}
        command = [sys.executable, "-m", "ganzoo", *words, "--json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @pytest.mark.parametrize(("kind", "name"), [("metrics", "mean-shift"), ("extractors", "thumbnail")])
    def test_it_is_listed(self, site: Path, kind: str, name: str) -> None:
        (row,) = [row for row in self.told(site, "list", f"--{kind}") if row["name"] == name]
        assert row["origin"]["distribution"] == "ganzoo-thumbnail"

    def test_its_command_judges(self, site: Path) -> None:
        (line,) = re.findall(r"^ganzoo eval (.* thumbnail .*)$", PAGE, re.MULTILINE)
        told = self.told(site, "eval", *line.split())
        assert told["extractor"]["name"] == "thumbnail"
        assert told["figures"].keys() == {"mean-shift", "fid"}
        # The root of what FID holds of the means, which is no more than all of it.
        shifts, distances = (told["figures"][name]["values"] for name in ("mean-shift", "fid"))
        assert len(shifts) == 3
        assert all(0 < shift**2 < distance for shift, distance in zip(shifts, distances, strict=True))


def test_the_table_of_metrics_agrees_with_the_code() -> None:
    declared = [
        [f"`{spec.name}`", f"`{figure.name}`", figure.better or "-"]
        for spec in ganzoo_metrics()
        for figure in spec.figures
    ]
    assert [row[:3] for row in rows("Metrics")] == declared
    for spec in ganzoo_metrics():
        assert spec.paper is not None
        (first, *_) = [row for row in rows("Metrics") if row[0] == f"`{spec.name}`"]
        assert f"{spec.paper.year}, [{spec.paper.arxiv}]({spec.paper.url})" in first[4]


def test_the_table_of_extractors_agrees_with_the_code() -> None:
    digests = {extractor.name: extractor.digest[:12] for extractor in (load(), load_stacked())}
    names = [row[0] for row in rows("Extractors")]
    assert names == [
        f"`{spec.name}`" + (f", `{digests[spec.name]}`" if spec.name in digests else "") for spec in ganzoo_extractors()
    ]


def test_the_table_of_inceptions_weights_agrees_with_the_code() -> None:
    told = dict(rows("Inception's weights on a machine without network"))
    assert told["file"] == f"`{inception.FILE}`"
    assert told["address"] == f"<{inception.ADDRESS}>"
    assert told["size"] == f"{inception.SIZE:,} bytes"
    assert told["SHA-256"] == f"`{inception.SHA256}`"
    assert "models" in told["place"]
    assert inception.cache_file().parent.name == "models"
    assert f"`{inception.ENVIRONMENT_VARIABLE}`" in told["place"]


def test_the_table_of_options_of_a_run_agrees_with_the_code() -> None:
    options = TrainingOptions()
    flags = {f"`--{name.replace('_', '-')}`": getattr(options, name) for name in EvaluationOptions.model_fields}
    table = {flag: default for flag, default, _ in rows("During training")}
    assert table.keys() == flags.keys()
    for flag, value in flags.items():
        if value is not None:
            assert table[flag].strip("`") == (f"{value:,}" if isinstance(value, int) else value)
