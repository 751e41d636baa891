# SPDX-License-Identifier: Apache-2.0
"""Runs questions under the Python at hand; prints as JSON what came of each.

The command line: how many generated ones of each kind and grade.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from hoopsnake.quiz import answers, bank, generate
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
    marks = [answers.check(asked, "abcdefghij"[at]).right for at in range(len(asked.choices))]
    return found | {"marks": marks, "typed": answers.check(asked, asked.right).right}


if __name__ == "__main__":
    every = questions(int(sys.argv[1]))
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(examined, every))
    json.dump({one.name: found for one, found in zip(every, results, strict=True)}, sys.stdout)
