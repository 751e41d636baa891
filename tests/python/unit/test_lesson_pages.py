# SPDX-License-Identifier: Apache-2.0
"""Pages of lessons fit their programs: the listing, the lines that they quote, the links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hoopsnake import HoopError
from hoopsnake.cli.main import main
from hoopsnake.learn import lessons
from hoopsnake.learn.lessons import LESSONS, Lesson

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(lessons.__file__).parent
QUOTED = re.compile(r"^- Line (\d+), (`+)(.+?)\2:", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)\)")
SECTIONS = ["The program", "Line by line", "What it prints", "What it means", "Versions"]
SECTIONS += ["Try next", "More"]

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=[one.name for one in LESSONS])


@each_lesson
def test_the_listing_is_the_program(lesson: Lesson) -> None:
    lines = lesson.program.rstrip("\n").splitlines()
    numbered = [f"{number:3}  {text}".rstrip() for number, text in enumerate(lines, 1)]
    listing = lesson.page.split("## The program\n\n```text\n")[1].split("\n```\n")[0]
    assert listing.rstrip().splitlines() == [
        line for number, line in enumerate(numbered, 1) if number > 1 and number >= first(lines)
    ]


def first(lines: list[str]) -> int:
    """The number of the first line after the licence."""
    return next(number for number, line in enumerate(lines, 1) if number > 1 and line)


@each_lesson
def test_quoted_lines_say_what_the_program_says(lesson: Lesson) -> None:
    lines = [" ".join(line.split()) for line in lesson.program.splitlines()]
    quoted = QUOTED.findall(lesson.page)
    assert len(quoted) >= 5
    for number, _, code in quoted:
        told = " ".join(code.split())
        assert lines[int(number) - 1].startswith(told), f"line {number}: {told}"


@each_lesson
def test_a_page_has_its_parts_and_links_that_lead_somewhere(lesson: Lesson) -> None:
    assert re.findall(r"^## (.*)", lesson.page, re.MULTILINE) == SECTIONS
    assert lesson.page.startswith(f"# {lesson.title}\n")
    here = [link for link in LINK.findall(lesson.page) if "://" not in link]
    assert [link for link in here if not (FOLDER / link).exists()] == []
    assert max(len(line) for line in lesson.page.splitlines() if "](" not in line) <= 140


@each_lesson
def test_programs_are_short(lesson: Lesson) -> None:
    code = [line for line in lesson.program.splitlines() if line.strip()]
    assert 10 <= len(code) <= 60


def test_each_program_and_page_is_in_the_list() -> None:
    names = {one.name for one in LESSONS}
    assert {path.stem for path in FOLDER.glob("*.md")} == names
    assert {path.stem for path in FOLDER.glob("[a-z]*.py")} == names


def test_the_document_has_all_lessons_in_order() -> None:
    text = (ROOT / "docs" / "learn.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \d+ \| \[(.+?)\]\(\S+/(\w+)\.md\) \| (.+?) \|", text, re.MULTILINE)
    assert rows == [(one.title, one.name, one.sentence) for one in LESSONS]


def test_a_lesson_that_is_not_there_is_told_in_a_line() -> None:
    with pytest.raises(HoopError, match="there is no lesson 'nemas'; there are names, identity"):
        lessons.find("nemas")
    assert lessons.find("slots").title == "__slots__"


def test_learn_lists_the_lessons_in_order_and_prints_their_pages(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["learn", "--list"]) == 0
    listed = capsys.readouterr().out
    names = [line.split()[0] for line in listed.splitlines() if line and not line.startswith(" ")]
    assert names == [one.name for one in LESSONS]
    assert main(["learn", "--page", "cycles"]) == 0
    assert capsys.readouterr().out == lessons.find("cycles").page
    assert main(["learn", "--page", "nothing"]) == 2
    assert "there is no lesson 'nothing'" in capsys.readouterr().err
