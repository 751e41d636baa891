# SPDX-License-Identifier: Apache-2.0
"""The run of a question, line by line, with what became of its objects: recorded, not drawn."""

from __future__ import annotations

import os
import re
import tempfile

from hoopsnake._errors import HoopError
from hoopsnake.learn.model import Event, Life, Step, Thing
from hoopsnake.learn.recorder import Limits, record
from hoopsnake.quiz.model import Asked, Question
from hoopsnake.report import units

_STEPS = 2000
_SECONDS = 30.0
_MOST_ROWS = 40
_MOST_OF_A_LINE = 4
INDENT = " " * 9

_TOLD = {
    *("created", "bound", "rebound", "shared", "deleted", "freed", "kept", "garbage"),
    *("collected", "finalized", "resurrected", "weak cleared", "printed", "raised"),
}
# What makes up a program, and not what it works with.
_FURNITURE = {"type", "function", "module", "builtin_function_or_method", "frame", "traceback"}
_FURNITURE |= {"code", "cell", "NoneType", "int", "str", "bool", "float"}
_BUILTIN = {"list", "dict", "set", "tuple", "object", "generator", "method"}
_MEMORY = re.compile(r"(; its (block|memory)|: \d+ bytes|: its memory|, in a block).*")


def life(question: Question) -> Life:
    """The question's program, recorded. HoopError where that cannot be done here."""
    with tempfile.TemporaryDirectory(prefix="hoop-quiz-") as folder:
        path = os.path.join(folder, "program.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write(question.program)
        return record([path], limits=Limits(steps=_STEPS), timeout=_SECONDS)


def rows(asked: Asked) -> list[str]:
    """The lines in which something became of an object, and what; empty where nothing was recorded.

    A line that runs many times is shown once.
    """
    if asked.question.kind == "smaller":
        return []
    try:
        recorded = life(asked.question)
    except HoopError:
        return []
    printed = asked.question.kind in ("output", "count")
    return of_life(recorded, asked.question.program, printed=printed)


def of_life(recorded: Life, program: str, *, printed: bool = True) -> list[str]:
    lines = program.splitlines()
    seen: set[tuple[int, str]] = set()
    found: list[str] = []
    for step in recorded.steps:
        told = _sentences(step, recorded.things, printed=printed)
        key = (step.line, step.kind)
        if not told or key in seen or not 0 <= step.line <= len(lines):
            continue
        seen.add(key)
        found.append(_heading(step, lines))
        found += [f"{INDENT}{text}" for text in told[:_MOST_OF_A_LINE]]
        if len(told) > _MOST_OF_A_LINE:
            more = units.plural(len(told) - _MOST_OF_A_LINE, "event more", "events more")
            found.append(f"{INDENT}and {more}")
    left = len(found) - _MOST_ROWS
    return [*found[:_MOST_ROWS], f"{INDENT}... and {left} rows more"] if left > 2 else found


def _heading(step: Step, lines: list[str]) -> str:
    if step.kind == "end" or not step.line:
        return "  end of the program"
    return f"  {step.line:3}  {lines[step.line - 1].strip()}"


def _sentences(step: Step, things: dict[int, Thing], *, printed: bool) -> list[str]:
    told: list[str] = []
    events = [event for event in step.events if _is_told(event, step, things)]
    bound = {event.thing for event in events if event.kind == "bound"}
    library = any("." in things[thing].type for thing in bound if thing in things)
    for event in events:
        if event.kind == "created" and (event.thing in bound or library):
            continue  # "`page` refers to #1 (a Page)" tells it; parts of a library's are its own
        if event.kind != "printed" or printed:
            new = event.kind == "bound" and _is_new(event, step)
            told.append(_short(event.text) + (", which is new" if new else ""))
    return told


def _is_new(event: Event, step: Step) -> bool:
    return any(one.kind == "created" and one.thing == event.thing for one in step.events)


def _is_told(event: Event, step: Step, things: dict[int, Thing]) -> bool:
    if event.kind not in _TOLD:
        return False
    thing = things.get(event.thing) if event.thing is not None else None
    if thing is None:
        return event.kind != "collected" or step.kind != "end"
    if step.kind == "end" and thing.type in _BUILTIN:
        return False
    if thing.type.endswith("iterator") or event.name.startswith("."):
        return False
    inside = "." in thing.type and event.kind != "bound"  # of a library
    return not inside and thing.type not in _FURNITURE


def _short(text: str) -> str:
    """Without sizes of memory: they are for `hoop learn`."""
    return _MEMORY.sub("", text)
