# SPDX-License-Identifier: Apache-2.0
"""Runs questions under the Python at hand; prints as JSON what came of each.

The command line: how many generated ones of each kind and grade.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from hoopsnake.quiz import answers, bank, generate, shown
from hoopsnake.quiz.model import GRADES, Question


def questions(generated: int) -> list[Question]:
    made = [
        generate.make(kind, grade, seed)  # type: ignore[arg-type]
        for kind in generate.MAKERS
        for grade in GRADES
        for seed in range(generated)
    ]
    return [*bank.questions(), *made]


def examined(question: Question) -> dict[str, object]:
    found: dict[str, object] = {"kind": question.kind, "lesson": question.lesson}
    try:
        asked = answers.ask(question, 1)
    except answers.Broken as broken:
        return found | {"broken": str(broken)}
    found |= {"right": asked.right, "choices": asked.choices, "ask": asked.ask}
    if question.kind == "smaller":
        solved = answers.check(asked, question.solution)
        unchanged = answers.check(asked, question.program)
        return found | {"solved": [solved.right, solved.text], "unchanged": unchanged.right}
    if question.kind == "lifetime":
        found["life"] = freed_in_the_recording(question)
    marks = [answers.check(asked, "abcdefghij"[at]).right for at in range(len(asked.choices))]
    return found | {"marks": marks, "typed": answers.check(asked, asked.right).right}


def freed_in_the_recording(question: Question) -> list[object] | None:
    """The line of the module and "count" or "collector", from the independent recorder; None where
    it can not be said."""
    what, _, line = question.watch.partition(" after ")
    recorded = shown.life(question)
    number = None
    if what.startswith("first "):
        named = [one.number for one in recorded.things.values() if one.type == what[6:]]
        number = min(named, default=None)
    else:
        for step in recorded.steps:
            if step.line == int(line) and step.title == "<module>" and what in step.scopes[0].names:
                number = step.scopes[0].names[what]
                break
    if number is None:
        return None
    by = None
    for step in recorded.steps:
        for event in step.events:
            if event.kind == "freed" and event.thing == number:
                by = "count" if event.by == "count" else "collector"
        if step.kind == "end":
            return [None, ""]
        if by and step.kind == "line" and step.title == "<module>":
            return [step.line, by]
    return [None, ""]


if __name__ == "__main__":
    every = questions(int(sys.argv[1]))
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(examined, every))
    json.dump({one.name: found for one, found in zip(every, results, strict=True)}, sys.stdout)
