# SPDX-License-Identifier: Apache-2.0
"""The quiz without its programs: reading questions, making some, progress, sheets."""

from __future__ import annotations

import json
import random
import stat
from pathlib import Path

import pytest

from hoopsnake import HoopError
from hoopsnake.quiz import answers, bank, generate, progress, sheet
from hoopsnake.quiz.model import GRADES, Asked, Question


def question(name: str = "names-1", grade: int = 1) -> Question:
    return Question(name, "names", "output", grade, "print(1)\n", "Because.")


# --- the bank ------------------------------------------------------------------------------------


def test_a_file_of_questions_is_read() -> None:
    text = (
        "== a-1\nkind: leak\ngrade: 2\nwatch: Page\nchoice: the list -> x.clear()\n"
        "choice: nothing -> pass\nwhy: since\n  it is so\n--\nx = []\n\n\nx = 1\n"
    )
    (one,) = bank.parse("a", text)
    assert (one.name, one.lesson, one.kind, one.grade) == ("a-1", "a", "leak", 2)
    assert one.why == "since it is so"
    assert [option.code for option in one.options] == ["x.clear()", "pass"]
    assert one.program == "x = []\n\n\nx = 1\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("== a-1\nkind: nothing\ngrade: 1\nwhy: x\n--\npass\n", "a-1: kind or grade"),
        ("== a-1\nkind: leak\nwhy: x\n--\npass\n", "a-1: kind or grade"),
        ("== a-1\nKind leak\n--\npass\n", "a-1: cannot read the line 'Kind leak'"),
        ("== a-1\nkind: leak\ngrade: 1\nchoice: x\nwhy: y\n--\npass\n", "a-1: a choice needs"),
        ("== a-1\nkind: leak\ngrade: 1\nwhy: y\n-- other\npass\n", "a-1: there is no part 'other'"),
        ("== a-1\nkind: leak\ngrade: 1\n--\npass\n", "a-1: .*why"),
    ],
)
def test_mistakes_in_a_file_are_named(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        bank.parse("a", text)


def test_names_are_unique_and_tell_the_lesson() -> None:
    names = [one.name for one in bank.questions()]
    assert len(set(names)) == len(names)
    assert [one.name for one in bank.questions() if one.name.rpartition("-")[0] != one.lesson] == []


def test_each_grade_has_a_good_part_of_the_questions() -> None:
    grades = [one.grade for one in bank.questions()]
    assert min(grades.count(grade) for grade in GRADES) >= 15


# --- generated questions -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", generate.MAKERS)
def test_a_name_makes_its_question_again_and_other_seeds_make_others(kind: str) -> None:
    made = [generate.make(kind, 2, seed) for seed in range(20)]  # type: ignore[arg-type]
    assert [generate.by_name(one.name) for one in made] == made
    assert len({one.program for one in made}) > 15
    for one in made:
        compile(one.program, "program", "exec")


def test_names_of_no_question_are_told() -> None:
    for name in ("generated:count:9:1", "generated:nothing:1:1", "nothing", "generated:count:1:x"):
        with pytest.raises(HoopError, match="there is no question"):
            generate.by_name(name)


# --- progress ------------------------------------------------------------------------------------


def test_progress_is_kept_for_the_user_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "state" / "quiz.json")
    made = progress.Progress()
    made.note(question(), right=True, now=5.0)
    made.note(question(), right=False, now=6.0)
    progress.save(made, path, pytest.fail)
    assert progress.load(path, pytest.fail) == made
    record = made.records["names-1"]
    assert (record.asked, record.right, record.last, record.last_right) == (2, 1, 6.0, False)
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "{}", '{"format": 1}', "\x00\x00"),
        *('{"format": 2, "records": {}}', '{"format": 1, "records": {"a": 1}}'),
        '{"format": 1, "records": {"a": {"lesson": 1}}}',
    ],
)
def test_a_damaged_file_is_set_aside(content: str, tmp_path: Path) -> None:
    path = tmp_path / "quiz.json"
    path.write_text(content)
    told: list[str] = []
    assert progress.load(str(path), told.append) == progress.Progress()
    assert len(told) == 1
    assert str(path) in told[0]
    assert not path.exists()
    assert (tmp_path / "quiz.json.damaged").read_text() == content


def test_where_nothing_can_be_kept_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told: list[str] = []
    progress.save(progress.Progress(), str(tmp_path / "file" / "quiz.json"), told.append)
    assert len(told) == 1


def test_new_ones_come_first_then_wrong_ones_then_old_ones() -> None:
    pool = [question(name) for name in ("right-new", "right-old", "wrong", "never")]
    past = progress.Progress()
    past.note(pool[0], right=True, now=9.0)
    past.note(pool[1], right=True, now=1.0)
    past.note(pool[2], right=False, now=8.0)
    order = [past.choose(pool, count, random.Random(1)) for count in (1, 2, 3)]
    names = [{one.name for one in chosen} for chosen in order]
    assert names == [{"never"}, {"never", "wrong"}, {"never", "wrong", "right-old"}]


def test_easy_ones_are_asked_before_hard_ones() -> None:
    pool = [question(f"a-{index}", 1 + index % 3) for index in range(12)]
    chosen = progress.Progress().choose(pool, 12, random.Random(1))
    assert [one.grade for one in chosen] == [1] * 4 + [2] * 4 + [3] * 4


def test_the_state_directory_is_the_one_that_is_set() -> None:
    assert progress.place({"XDG_STATE_HOME": "/state"}) == "/state/hoopsnake/quiz.json"
    for environ in ({}, {"XDG_STATE_HOME": "relative"}):
        assert progress.place(environ).endswith("/.local/state/hoopsnake/quiz.json")


# --- answers and sheets --------------------------------------------------------------------------

ASKED = Asked(question(), "What?", "[1, 2]", ("[1]", "[1, 2]", "<b>"), ("it is `so`",))


@pytest.mark.parametrize("answer", ["b", " B) ", "b.", "[1, 2]", "[1,  2]"])
def test_a_letter_or_the_text_is_an_answer(answer: str) -> None:
    assert answers.check(ASKED, answer).right


@pytest.mark.parametrize("answer", ["a", "c", "[1]", "d"])
def test_others_are_wrong(answer: str) -> None:
    assert not answers.check(ASKED, answer).right


def test_what_is_no_choice_is_not_understood() -> None:
    assert not answers.understood(ASKED, "d")
    assert not answers.understood(ASKED, "yes")
    assert answers.understood(ASKED, "c")
    number = Asked(generate.make("count", 1, 1), "What?", "3")
    assert answers.understood(number, " 12 ")
    assert not answers.understood(number, "yes")


def test_sheets_have_the_answers_after_the_questions() -> None:
    markdown = sheet.as_markdown([ASKED, ASKED], "Questions")
    questions, _, right = markdown.partition("# Answers")
    assert questions.count("- b) `[1, 2]`") == 2
    assert "Because." not in questions
    assert right.count("**`b) [1, 2]`**") == 2
    page = sheet.as_html([ASKED], "A & B")
    assert "A &amp; B" in page
    assert "<b>" not in page
    assert "&lt;b&gt;" in page
    assert "http" not in page  # it needs nothing from elsewhere
    assert page.index("Because.") > page.index("<h1>Answers</h1>")


def test_progress_files_are_plain_json(tmp_path: Path) -> None:
    path = tmp_path / "quiz.json"
    made = progress.Progress()
    made.note(generate.make("count", 1, 5), right=True, now=1.0)
    made.note(generate.make("count", 1, 6), right=True, now=2.0)
    progress.save(made, str(path), pytest.fail)
    records = json.loads(path.read_text())["records"]
    assert list(records) == ["generated:count:1"]
    assert records["generated:count:1"]["asked"] == 2
