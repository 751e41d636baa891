# SPDX-License-Identifier: Apache-2.0
"""The questions that are written down: questions/LESSON.quiz, read into `Question`s.

A file holds questions one after the other:

    == names-1                  the name: lesson and a number
    kind: output                fields; a line that begins with blanks goes on with the last one
    grade: 1
    wrong: [1, 2]               once for each
    why: Both names refer to one list.
    --                          then the program, up to the next question
    a = [1, 2]
    -- check                    more code, where the kind needs it: check, solution
"""

from __future__ import annotations

import functools
import re
from importlib import resources
from typing import Any

from hoopsnake.quiz.model import GRADES, KINDS, Option, Question

_FIELD = re.compile(r"([a-z]+): (.*)")
_REPEATED = ("wrong", "choice", "claim")
_CODE = ("program", "check", "solution")


@functools.cache
def questions() -> tuple[Question, ...]:
    """All of them, in the order of the lessons' names."""
    folder = resources.files("hoopsnake.quiz") / "questions"
    files = sorted(file.name for file in folder.iterdir() if file.name.endswith(".quiz"))
    found: list[Question] = []
    for name in files:
        text = (folder / name).read_text(encoding="ascii")
        found += parse(name.removesuffix(".quiz"), text)
    return tuple(found)


def parse(lesson: str, text: str) -> list[Question]:
    """Read a file. ValueError, with the question's name, where it is not as above."""
    parts = re.split(r"^== (\S+)\n", text, flags=re.MULTILINE)
    names, bodies = parts[1::2], parts[2::2]
    return [_question(lesson, name, body) for name, body in zip(names, bodies, strict=True)]


def _question(lesson: str, name: str, body: str) -> Question:
    head, *codes = re.split(r"^--(.*)\n", body, flags=re.MULTILINE)
    fields = _fields(name, head)
    for title, code in zip(codes[::2], codes[1::2], strict=True):
        key = title.strip() or "program"
        if key not in _CODE:
            raise ValueError(f"{name}: there is no part {key!r}")
        fields[key] = code.strip("\n") + "\n"
    return _made(lesson, name, fields)


def _fields(name: str, head: str) -> dict[str, Any]:
    fields: dict[str, Any] = {key: [] for key in _REPEATED}
    last = ""
    for line in head.splitlines():
        match = _FIELD.fullmatch(line)
        if match:
            last, value = match.groups()
            if last in _REPEATED:
                fields[last].append(value)
            else:
                fields[last] = value
        elif line.startswith("  ") and isinstance(fields.get(last), str):
            fields[last] += " " + line.strip()
        else:
            raise ValueError(f"{name}: cannot read the line {line!r}")
    return fields


def _made(lesson: str, name: str, fields: dict[str, Any]) -> Question:
    options = [_option(name, text) for text in fields.pop("choice")]
    options += [Option(text, text) for text in fields.pop("claim")]
    wrong = tuple(fields.pop("wrong"))
    grade, bound = int(fields.pop("grade", 0)), int(fields.pop("bound", 0))
    if fields.get("kind") not in KINDS or grade not in GRADES:
        raise ValueError(f"{name}: kind or grade are missing, or unknown")
    try:
        return Question(
            name=name,
            lesson=lesson,
            grade=grade,
            bound=bound,
            wrong=wrong,
            options=tuple(options),
            **fields,
        )
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from None


def _option(name: str, text: str) -> Option:
    shown, arrow, code = text.partition(" -> ")
    if not arrow:
        raise ValueError(f"{name}: a choice needs ` -> ` and what takes it away")
    return Option(shown, code)
