"""The page of a result: what it says, what it loads (nothing), and what it makes of names from outside."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image
from toys.results import contender, contest, learner, picture, result, training, zoo

from ganzoo.bench import cells
from ganzoo.bench.page import render, write_page
from ganzoo.bench.result import Failure, Memory, Result

EVIL = '<script>alert("1")</script>'
VOID = {"meta", "link", "img", "br", "use", "path", "rect"}


class Reader(HTMLParser):
    """The elements, the text and the cells of a page; raises where elements are not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1] if self.open else "", data))

    def values(self, attribute: str) -> list[str]:
        return [attrs[attribute] for _, attrs in self.elements if attribute in attrs]


@pytest.fixture(scope="module")
def page() -> str:
    return render(zoo())


def test_it_is_well_formed_and_its_ids_are_distinct(page: str) -> None:
    ids = Reader(page).values("id")
    assert len(ids) == len(set(ids))
    used = re.findall(r'(?:href="#|url\(#)([^")]+)', page)
    assert used
    assert set(used) <= set(ids)


def test_it_is_the_same_each_time(page: str, tmp_path: Path) -> None:
    write_page(tmp_path / "new" / "index.html", zoo())
    assert (tmp_path / "new" / "index.html").read_text(encoding="utf-8") == page


def test_it_loads_nothing(page: str) -> None:
    reader = Reader(page)
    assert {tag for tag, _ in reader.elements} & {"link", "iframe", "object", "embed", "base", "form"} == set()
    assert all(source.startswith("data:image/png;base64,") for source in reader.values("src"))
    assert all(target.startswith("#") for target in reader.values("href") + reader.values("xlink:href"))
    assert "@import" not in page
    assert re.findall(r"url\((?!#)", page) == []
    assert "default-src 'none'" in page


def test_its_tables_are_those_of_the_result(page: str) -> None:
    whole = zoo()
    texts = {text for _, text in Reader(page).texts}
    for grid in (cells.speeds(whole), cells.figures(whole), cells.times(whole)):
        assert grid.rows
        for row in grid.rows:
            numbers = [cell for cell, numeric in zip(row.cells, grid.numeric, strict=True) if numeric]
            assert {cell.replace("+-", "\u00b1").replace(" to ", "\u2013") for cell in numbers} <= texts


def test_its_charts_tell_the_speeds(page: str) -> None:
    drawn = [text for tag, text in Reader(page).texts if tag == "text"]
    for each in zoo().contenders():
        assert cells.number(each.images_per_second.median) in drawn
        if each.times_as_fast_as_plain:
            assert f"{each.times_as_fast_as_plain.median:.2f}" in drawn
        assert cells.number(each.cold_start.total) in drawn


def test_it_says_what_ran_on_what(page: str) -> None:
    for fact in ("commit 0123456789ab", "Example 9000", "2026-01-01 00:00 UTC", "torch 2.14.1", "ganzoo-lsgan 0.1.0"):
        assert fact in page
    assert "graph: needs CUDA; compile: takes 99% of the time of eager" in page


def test_the_result_is_in_it(page: str) -> None:
    raw = page.partition('<script type="application/json" id="result">')[2].partition("</script>")[0]
    assert "<" not in raw
    assert Result.model_validate_json(raw) == zoo()
    assert 'download="results.json"' in page


def test_noise_and_failures_are_told(page: str) -> None:
    assert page.count('<tr class="caution">') == 2
    assert page.count('<span class="badge">noisy</span>') == 2
    assert "noisy: load of 3.1 on 2 cores; the blocks spread by 12 %" in page
    assert "began bf16 compile, batch 1024: no C++ compiler was found" in page
    assert "bf16 compile \u2020" in page


def test_weights_that_broke_are_told() -> None:
    assert '<span class="badge">not finite</span>' in render(result(contests=[contest(contender(finite=False))]))


@pytest.mark.parametrize("name", [EVIL, "a & b", '" onload="x', "$\\frac{1}$ $", "--></svg>", "{{ 7 * 6 }}"])
def test_what_comes_from_outside_is_text(name: str) -> None:
    found = result(
        suite={"name": name},
        contests=[contest(contender(name, distribution=name, plain=(2.0,) * 10, noise=[name]))],
        trainings=[training().model_copy(update={"variant": name, "samples_png": '"><script>x</script>'})],
        failures=[Failure(what=name, reason=name)],
        environment={"cpu": name, name: name},
    )
    reader = Reader(render(found))
    assert [attrs for tag, attrs in reader.elements if tag == "script"] == [
        {"type": "application/json", "id": "result"},
        {},
    ]
    assert not any(attribute.startswith("on") for _, attrs in reader.elements for attribute in attrs)
    assert any(name in text for tag, text in reader.texts if tag == "th")
    assert any(name[:10] in text for tag, text in reader.texts if tag == "text")


def test_a_variant_of_somebody_else_is_told_from_where() -> None:
    page = render(result(contests=[contest(contender(distribution="somebodys-gans"))]))
    assert '<th scope="row">dcgan (somebodys-gans)</th>' in page
    assert "dcgan (somebodys-gans)</text>" in page


class TestWhatIsNotThere:
    """Sections without data are left out."""

    SECTIONS = ("speed", "quality", "memory", "cold-start", "fine-print")

    def sections(self, found: Result) -> list[str]:
        return re.findall(r'<section id="([a-z-]+)">', render(found))

    def test_nothing_at_all(self) -> None:
        assert self.sections(result()) == ["fine-print"]

    def test_speed_alone(self) -> None:
        found = result(contests=[contest(contender())])
        assert self.sections(found) == ["speed", "memory", "cold-start", "fine-print"]
        assert "Against the plain loop" not in render(found)
        assert "Take with caution" not in render(found)
        assert "Did not run" not in render(found)

    def test_quality_alone(self) -> None:
        found = result(trainings=[training()])
        assert self.sections(found) == ["quality", "fine-print"]
        assert 'id="samples"' not in render(found)

    def test_no_memory(self) -> None:
        assert "memory" not in self.sections(result(contests=[contest(contender(memory=Memory()))]))

    def test_no_curve(self) -> None:
        assert "FID against" not in render(result(trainings=[training().model_copy(update={"curve": []})]))

    def test_no_energy_on_a_cpu(self) -> None:
        assert "kJ/million images" not in render(result(contests=[contest(contender())]))
        assert "kJ/million images" in render(result(contests=[contest(contender(joules_per_image=0.01))]))


def test_samples_are_those_of_the_first_seed() -> None:
    page = render(result(trainings=[learner("dcgan", 4), learner("dcgan", 5)]))
    assert Reader(page).values("src") == [f"data:image/png;base64,{picture(9)}"]


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--enable-logging=stderr"),
    *("--v=0", "--virtual-time-budget=3000"),
)
PROBE = """<script>
const link = document.getElementById("download");
const found = [document.documentElement.scrollWidth, innerWidth, link ? link.href.split(":")[0] : ""];
parent.postMessage(found.join(" "), "*");
</script>"""
FRAME = """<!doctype html><script>onmessage = event => { document.body.dataset.found = event.data; };</script>
<body><iframe src="page.html" width="%d" height="900" style="border: 0"></iframe>"""
"""Chromium makes no window narrower than 500 pixels; a frame may be."""


def browse(folder: Path, html: str, width: int) -> tuple[str, str]:
    """What the probe found out about a page in a frame of ``width`` pixels, and what the browser logged."""
    (folder / "page.html").write_text(html.replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    (folder / "frame.html").write_text(FRAME % width, encoding="utf-8")
    seen = chromium(folder, "--window-size=1400,900", "--dump-dom", (folder / "frame.html").as_uri())
    return seen.stdout.partition('data-found="')[2].partition('"')[0], seen.stderr


def chromium(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
@pytest.mark.parametrize("width", [1280, 390])
class TestInABrowser:
    def test_no_errors_and_no_overflow(self, page: str, tmp_path: Path, width: int) -> None:
        found, log = browse(tmp_path, page, width)
        assert found == f"{width} {width} blob"
        assert "CONSOLE" not in log

    def test_it_is_drawn(self, page: str, tmp_path: Path, width: int) -> None:
        (tmp_path / "page.html").write_text(page, encoding="utf-8")
        shot, address = tmp_path / "page.png", (tmp_path / "page.html").as_uri()
        chromium(tmp_path, f"--window-size={width},2000", f"--screenshot={shot}", address)
        with Image.open(shot) as image:
            assert image.size == (width, 2000)
            assert len(image.convert("RGB").getcolors(1 << 24) or []) > 100

    def test_the_probe_sees_overflow_and_errors(self, tmp_path: Path, width: int) -> None:
        wide = '<!doctype html><body><div style="width: 2000px">x</div><script>fail();</script></body>'
        found, log = browse(tmp_path, wide, width)
        assert int(found.split()[0]) >= 2000
        assert "CONSOLE" in log
