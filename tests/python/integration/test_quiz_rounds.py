# SPDX-License-Identifier: Apache-2.0
"""`hoop quiz` as a user has it: rounds through a pipe, lists, sheets, and what goes wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NAMES = ["names-1", "counts-1", "cycles-1", "copies-2", "defaults-2"]


def quiz(tmp_path: Path, *words: str, answers: str = "", code: int = 0) -> tuple[str, str]:
    """Its output and what it says on stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "hoopsnake", "quiz", *words],
        cwd=tmp_path,
        env=os.environ | {"XDG_STATE_HOME": str(tmp_path / "state")},
        input=answers,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def asked(tmp_path: Path, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(quiz(tmp_path, *words, "--json")[0])
    return found


def test_right_answers_are_right_and_are_kept(tmp_path: Path) -> None:
    questions = asked(tmp_path, *NAMES, "--seed", "3")
    right = [
        "abcdefg"[one["choices"].index(one["right"])] if one["choices"] else one["right"]
        for one in questions
    ]
    out, err = quiz(tmp_path, *NAMES, "--seed", "3", answers="\n".join([*right, ""]))
    assert err == ""
    assert out.count("Right.\n") == len(NAMES)
    assert "5 of 5 right." in out
    progress, _ = quiz(tmp_path, "--progress")
    assert "5 of 5 answers right so far." in progress


def test_a_round_has_hints_wrong_answers_and_skipping(tmp_path: Path) -> None:
    out, err = quiz(tmp_path, *NAMES[:3], answers="?\nwhat\nz\ns\n12\n12\ns\n")
    assert err == ""
    assert "`hoop learn names`" in out
    assert out.count("That is no answer") == 3
    assert "No. It is 3" in out
    assert "Skipped. It is" in out
    assert "0 of 1 right." in out
    assert "Those you missed: hoop quiz counts-1" in out


@pytest.mark.parametrize("answers", ["", "q\n", "b\n"])
def test_the_end_of_the_answers_ends_the_round(answers: str, tmp_path: Path) -> None:
    out, err = quiz(tmp_path, "names-1", "names-2", answers=answers)
    assert err == ""
    assert out.splitlines()[-1] in ("No answers, no score.", "All so far: hoop quiz --progress")


def test_a_program_can_be_tried_until_it_is_small(tmp_path: Path) -> None:
    (tmp_path / "small.py").write_text("def total(n):\n    return sum(i * i for i in range(n))\n")
    tries = "def total(n):\n    return 1\n.\ndef total(\n.\n@no.py\n@small.py\n"
    out, _ = quiz(tmp_path, "generators-4", answers=tries)
    assert "It does something else now; this fails: assert total(0) == 0" in out
    assert "SyntaxError" in out
    assert "Cannot read no.py: No such file or directory." in out
    assert "1 of 1 right." in out


def test_a_program_can_be_written_in_an_editor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", "sed -i 's/squares = .*/squares = (i * i for i in range(n))/'")
    out, _ = quiz(tmp_path, "generators-4", answers="e\n")
    assert "1 of 1 right." in out


def test_sheets_are_written_and_need_their_ending(tmp_path: Path) -> None:
    for name in ("sheet.md", "sheet.html"):
        _, err = quiz(tmp_path, "names-1", "cycles-1", "generated:count:1:4", "--export", name)
        assert err == f"{name}: 3 questions; answers at the end\n"
        text = (tmp_path / name).read_text()
        assert text.index("Answers") < text.index("names-1")
        assert f"CPython {sys.version.split()[0]}" in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--lesson", "nothing"], "there is no lesson 'nothing'; there are names, identity"),
        (["--lesson", "slots", "--kind", "leak"], "no question is of that lesson, kind and grade"),
        (["--generated", "--lesson", "names"], "generated questions belong to no lesson"),
        (["nothing"], "there is no question 'nothing'; `hoop quiz --list` shows them"),
        (["names-1", "--export", "sheet.pdf"], "name a file that ends in .md or .html"),
        (["names-1", "--export", "no/sheet.md"], "cannot write no/sheet.md"),
    ],
)
def test_what_fits_nothing_is_told_in_a_line(words: list[str], told: str, tmp_path: Path) -> None:
    out, err = quiz(tmp_path, *words, code=2)
    assert out == ""
    assert err.startswith("hoop quiz: ")
    assert told in err
    assert err.count("\n") == 1


def test_the_list_and_seeds(tmp_path: Path) -> None:
    listed = json.loads(quiz(tmp_path, "--list", "--json")[0])
    assert len(listed) >= 60
    assert f"{len(listed)} questions" in quiz(tmp_path, "--list")[0]
    one, same, other = (asked(tmp_path, "-n", "3", "--seed", seed) for seed in ("7", "7", "8"))
    assert one == same != other


def test_a_damaged_file_of_progress_is_told_once(tmp_path: Path) -> None:
    place = tmp_path / "state" / "hoopsnake" / "quiz.json"
    place.parent.mkdir(parents=True)
    place.write_text("damaged")
    _, err = quiz(tmp_path, "names-1", answers="s\n")
    assert err.count("could not be read: starting anew") == 1
    assert quiz(tmp_path, "--progress") == ("Nothing was asked yet: `hoop quiz` begins.\n", "")
