# SPDX-License-Identifier: Apache-2.0
"""The report as people see it. After a change on purpose: pytest --refresh-golden, and look."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import run_files

from hoopsnake.report import render, sentence
from hoopsnake.report.load import load_run
from hoopsnake.report.model import Run
from hoopsnake.report.text import ASCII, UNICODE, Glyphs, Page, Span, cells, plain

Golden = Callable[[str, str], None]


def load(name: str, base: Path) -> Run:
    run = load_run(str(run_files.ALL[name](base)), lambda pid, started: False)
    assert run is not None
    return replace(run, path="/tmp/hoopsnake-1000/run-20260921-141320-4242")


def shown(run: Run, page: Page) -> str:
    return render.as_text(render.report(run, page))


@pytest.mark.parametrize("name", run_files.ALL)
def test_reports_look_as_agreed(name: str, tmp_path: Path, golden: Golden) -> None:
    golden(f"{name}.txt", shown(load(name, tmp_path), Page(100, UNICODE)))


@pytest.mark.parametrize(("width", "glyphs"), [(80, UNICODE), (120, UNICODE), (80, ASCII)])
def test_the_big_report_at_other_widths(
    width: int, glyphs: Glyphs, tmp_path: Path, golden: Golden
) -> None:
    kind = "ascii" if glyphs is ASCII else "unicode"
    golden(f"big-{width}-{kind}.txt", shown(load("big", tmp_path), Page(width, glyphs)))


@pytest.mark.parametrize("name", run_files.ALL)
@pytest.mark.parametrize("width", [72, 80, 100, 120])
def test_no_line_is_wider_than_the_page(name: str, width: int, tmp_path: Path) -> None:
    run = load(name, tmp_path)
    for line in render.report(run, Page(width, UNICODE)):
        text = plain(line)
        assert cells(text) <= width
        assert text == text.rstrip()


def test_colour_adds_nothing_but_colour(tmp_path: Path) -> None:
    lines = render.report(load("big", tmp_path), Page(80, UNICODE))
    coloured = io.StringIO()
    render.write(lines, coloured, colour=True)
    assert "\x1b[1m" in coloured.getvalue()
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured.getvalue()) == render.as_text(lines)


def test_ascii_pages_are_ascii(tmp_path: Path) -> None:
    assert shown(load("pool", tmp_path), Page(80, ASCII)).isascii()


def test_what_a_stream_cannot_take_is_escaped(tmp_path: Path) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    assert render.page_for(stream).glyphs is ASCII
    render.write([(Span("caf\u00e9"),)], stream, colour=False)
    assert raw.getvalue() == b"caf\\xe9\n"


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(environ: dict[str, str], wanted: bool) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert render.wants_colour(Terminal(), environ) is wanted
    assert not render.wants_colour(io.StringIO(), environ)


def test_the_account_adds_up_as_shown(tmp_path: Path) -> None:
    text = shown(load("big", tmp_path), Page(100, UNICODE))
    section = text.split("Where the memory was at the end\n")[1].split("\n\n")[0]
    figures = [float(value) for value in re.findall(r"\s(\d+\.\d)\s", section)]
    assert round(sum(figures[:-1]), 1) == figures[-1]


def test_the_report_on_one_process_is_about_it(tmp_path: Path) -> None:
    run = load("pool", tmp_path)
    worker = next(process for process in run.others if process.pid == 4251)
    text = render.as_text(render.process_report(run, worker, Page(100, UNICODE)))
    assert text.splitlines()[0].endswith("CPython 3.13.0, process 4251")
    assert "Peak 243 MiB" in text
    assert "Other Python processes" not in text


def test_every_process_is_listed_on_demand(tmp_path: Path) -> None:
    run = load("crowd", tmp_path)
    few = render.as_text(render.report(run, Page(100, UNICODE)))
    many = render.as_text(render.report(run, Page(100, UNICODE), every_process=True))
    assert few.count("gunicorn shop.wsgi -w 40") < 10
    assert all(f"     {process.pid}  " in many for process in run.others)


@pytest.mark.parametrize("name", run_files.ALL)
def test_the_opening_is_one_sentence(name: str, tmp_path: Path) -> None:
    text = sentence.opening(load(name, tmp_path))
    assert text.endswith(".")
    assert not re.search(r"\. [A-Z]", text)
    assert ".." not in text


def test_the_documents_show_the_report_as_it_is(pytestconfig: pytest.Config) -> None:
    root = Path(__file__).parents[3]
    document = root / "docs" / "report.md"
    text = document.read_text(encoding="utf-8")
    sample = re.search(r"<!-- sample: (\S+) -->\n```\n(.*?)```\n", text, re.DOTALL)
    assert sample
    report = (root / sample[1]).read_text(encoding="utf-8")
    if pytestconfig.getoption("--refresh-golden"):
        document.write_text(text.replace(sample[2], report), encoding="utf-8")
    else:
        assert sample[2] == report
