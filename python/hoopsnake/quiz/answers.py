# SPDX-License-Identifier: Apache-2.0
"""Answers by running: from a question to its choices, the right one, and the grade of an answer."""

from __future__ import annotations

import ast
import random
import re

from hoopsnake._errors import HoopError
from hoopsnake.quiz import runner
from hoopsnake.quiz.model import DEFAULT_ASK, Asked, Question, Verdict
from hoopsnake.report import units

NEVER = "not before the program ends"
_LINES_SHOWN = 4


class Broken(HoopError):  # noqa: N818 - it is the question that is
    """A question that has no right answer on this Python, or more than one."""

    def __init__(self, question: Question, why: str) -> None:
        super().__init__(f"the question {question.name} has no answer here: {why}")


def ask(question: Question, seed: int = 0) -> Asked:
    """Run it, and return what to show. The seed decides the order of the choices.

    Broken where the run has no clear answer.
    """
    return _ASK[question.kind](question, random.Random(f"{question.name} {seed}"))


def _run(question: Question, do: str, **more: object) -> runner.Ran:
    ran = runner.run(do, question.program, **more)  # type: ignore[arg-type]
    if ran.problem:
        raise Broken(question, ran.problem)
    return ran


# --- output, count -------------------------------------------------------------------------------


def one_line(text: str) -> str:
    """What was printed, with ` / ` between its lines."""
    return " / ".join(" ".join(line.split()) for line in text.strip().splitlines())


def _ask_output(question: Question, order: random.Random) -> Asked:
    right = one_line(_run(question, "output").out)
    if not right:
        raise Broken(question, "it prints nothing")
    choices = list(dict.fromkeys([right, *question.wrong])) if question.wrong else []
    order.shuffle(choices)
    told = question.ask or DEFAULT_ASK[question.kind]
    if any(" / " in choice for choice in choices):
        told += " (A `/` stands between lines.)"
    return Asked(question, told, right, tuple(choices))


# --- lifetime ------------------------------------------------------------------------------------


def _ask_lifetime(question: Question, order: random.Random) -> Asked:
    result = _run(question, "lifetime", watch=question.watch).result
    lines = question.program.splitlines()
    marks = _statements(question.program)
    start = _watched_from(question.watch, lines)
    right = _moment(result["line"], result["by"], lines)
    others = [line for line in marks if line > start and line != result["line"]]
    near = sorted(others, key=lambda line: (_dull(lines[line - 1]), order.random()))
    wanted = set(near[: _LINES_SHOWN - 1 if result["line"] else _LINES_SHOWN])
    rows = {line: _moment(line, _likely(lines[line - 1]), lines) for line in wanted}
    if result["line"]:
        rows[result["line"]] = right
    choices = [*(rows[line] for line in sorted(rows)), NEVER]
    told = question.ask or DEFAULT_ASK["lifetime"].format(watch=_watched(question.watch))
    return Asked(question, told, right, tuple(choices))


def _moment(line: int | None, by: str, lines: list[str]) -> str:
    if line is None:
        return NEVER
    how = "the collector finds it" if by == "collector" else "its count falls to 0"
    return f"line {line}, `{lines[line - 1].strip()}`: {how}"


def _likely(line: str) -> str:
    return "collector" if "gc.collect" in line else "count"


def _dull(line: str) -> int:
    """0 for a line that takes something away, 2 for one in which nobody would look for it."""
    if line.strip().startswith("print"):
        return 2
    return not re.search(r"\bdel |= (None|0|\[\]|len)$|\.(clear|pop|close|popitem|collect)\(", line)


def _statements(program: str) -> list[int]:
    """Lines of the module's own statements, without definitions and imports."""
    dull = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    found = []
    for statement in ast.parse(program).body:
        if not isinstance(statement, dull):
            found += [
                node.lineno
                for node in ast.walk(statement)
                if isinstance(node, ast.stmt) and not hasattr(node, "body")
            ]
    return sorted(found)


def _watched_from(watch: str, lines: list[str]) -> int:
    """The line after which it can be freed at all; for a class, the end of its definition."""
    name, _, line = watch.partition(" after ")
    if line:
        return int(line)
    title = name.removeprefix("first ")
    uses = [
        number
        for number, text in enumerate(lines, 1)
        if re.search(rf"\b{title}\b", text) and not text.startswith((" ", "class"))
    ]
    return uses[0] - 1 if uses else 0


def _watched(watch: str) -> str:
    name, _, line = watch.partition(" after ")
    if line:
        return f"The object that `{name}` refers to after line {line}"
    return f"The first `{name.removeprefix('first ')}` that is made"


# --- leak, share ---------------------------------------------------------------------------------


def _ask_leak(question: Question, order: random.Random) -> Asked:
    cuts = [option.code for option in question.options]
    found = _run(question, "leak", watch=question.watch, cuts=cuts).result
    alive, collected = found["alive"], found["collected"]
    right = []
    for option, left in zip(question.options, found["left"], strict=True):
        before = alive if option.code == "gc.collect()" else collected
        if left * 2 <= before and before:
            right.append(option.text)
    choices = [option.text for option in question.options]
    order.shuffle(choices)
    told = (question.ask or DEFAULT_ASK["leak"]).format(watch=f"{alive} `{question.watch}`")
    if len(right) != 1:
        raise Broken(question, f"{len(right)} of the choices free most of the objects")
    facts = tuple(
        f"without {option.text}: {units.plural(left, 'object')} left of {alive}"
        for option, left in zip(question.options, found["left"], strict=True)
    )
    return Asked(question, told, right[0], tuple(choices), facts)


def _ask_share(question: Question, order: random.Random) -> Asked:
    claims = [option.code for option in question.options]
    values = _run(question, "share", claims=claims).result["values"]
    right = [claim for claim, value in zip(claims, values, strict=True) if value]
    if len(right) != 1:
        raise Broken(question, f"{len(right)} of the claims are true")
    choices = list(claims)
    order.shuffle(choices)
    facts = tuple(f"`{claim}` is {value}" for claim, value in zip(claims, values, strict=True))
    return Asked(question, question.ask or DEFAULT_ASK["share"], right[0], tuple(choices), facts)


# --- smaller -------------------------------------------------------------------------------------


def _ask_smaller(question: Question, _: random.Random) -> Asked:
    before = int(_measured(question, question.program).result["bytes"])
    bound = before * question.bound // 100 or _bound_by_solution(question, before)
    told = (
        f"{question.ask} As it is, `{question.call}` takes {before:,} bytes; the bound is "
        f"{bound:,}."
    )
    return Asked(question, told, str(bound), bytes_before=before)


def _bound_by_solution(question: Question, before: int) -> int:
    """A tenth above what the known solution takes; a twentieth of the whole is small enough."""
    solved = int(_measured(question, question.solution).result["bytes"])
    return max(solved * 11 // 10, before // 20)


def _measured(question: Question, program: str, *, confined: bool = False) -> runner.Ran:
    ran = runner.run(
        "smaller",
        program,
        confined=confined,
        call=question.call,
        measure=question.measure,
        check=question.check,
    )
    if not confined and (ran.problem or "bytes" not in ran.result):
        raise Broken(question, ran.problem or str(ran.result.get("wrong")))
    return ran


def measure(asked: Asked, program: str) -> Verdict:
    """Grade a program of the user's."""
    ran = _measured(asked.question, program, confined=True)
    if ran.problem:
        return Verdict(False, f"Your program was not measured: {ran.problem}.")
    if "wrong" in ran.result:
        return Verdict(False, f"It does something else now; this fails: {ran.result['wrong']}")
    size, bound = int(ran.result["bytes"]), int(asked.right)
    share = 100 * size / asked.bytes_before if asked.bytes_before else 0
    told = f"{size:,} bytes, {share:.0f}% of what it was; the bound is {bound:,}."
    return Verdict(size <= bound, told)


# --- the grade -----------------------------------------------------------------------------------

_ASK = {
    "output": _ask_output,
    "count": _ask_output,
    "lifetime": _ask_lifetime,
    "leak": _ask_leak,
    "share": _ask_share,
    "smaller": _ask_smaller,
}


def check(asked: Asked, answer: str) -> Verdict:
    """Grade an answer: a letter or the text of a choice, what is printed, or a program."""
    if asked.question.kind == "smaller":
        return measure(asked, answer)
    given = _chosen(asked, answer)
    right = one_line(given).lower() == one_line(asked.right).lower()
    return Verdict(right, "Right." if right else f"No: {asked.right}")


def _chosen(asked: Asked, answer: str) -> str:
    word = answer.strip().rstrip(").").lower()
    index = "abcdefghij".find(word) if len(word) == 1 else -1
    return asked.choices[index] if 0 <= index < len(asked.choices) else answer


def understood(asked: Asked, answer: str) -> bool:
    """False where there are choices and this is none of them, or where a number is missing."""
    if asked.choices:
        return _chosen(asked, answer) in asked.choices
    return asked.question.kind != "count" or answer.strip().lstrip("-").isdigit()
