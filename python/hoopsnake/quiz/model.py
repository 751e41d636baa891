# SPDX-License-Identifier: Apache-2.0
"""What a question is: a program and what is asked of it. Its answer is never stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["leak", "lifetime", "count", "output", "share", "smaller"]
KINDS: tuple[Kind, ...] = get_args(Kind)
GRADES = (1, 2, 3)

KIND_TITLES: dict[Kind, str] = {
    "leak": "spot the leak",
    "lifetime": "predict the lifetime",
    "count": "predict the count",
    "output": "predict the output",
    "share": "copy or share",
    "smaller": "make it smaller",
}
GRADE_TITLES = {1: "basics", 2: "interview", 3: "expert"}

DEFAULT_ASK: dict[Kind, str] = {
    "leak": "At the end {watch} objects are still alive. What holds them?",
    "lifetime": "{watch}: when is it freed?",
    "count": "What does it print?",
    "output": "What does it print?",
    "share": "Which of these is true at the end?",
    "smaller": "Make it smaller.",
}


@dataclass(frozen=True, slots=True)
class Option:
    """A choice that is tried out: `code` is what takes a holder away, or what may be true."""

    text: str
    code: str


@dataclass(frozen=True, slots=True)
class Question:
    """`name` is unique: "cycles-2", or for a generated one what makes it again."""

    name: str
    lesson: str
    kind: Kind
    grade: int
    program: str
    why: str
    ask: str = ""
    wrong: tuple[str, ...] = ()  # output: what it does not print; without any, the answer is typed
    options: tuple[Option, ...] = ()  # leak, share
    watch: str = ""  # lifetime: "NAME after LINE" or "first CLASS"; leak: the class
    call: str = ""  # smaller: the expression that is measured
    measure: Literal["kept", "peak"] = "kept"
    bound: int = 0  # smaller: per cent of what the program takes as it is; 0: of the solution
    check: str = ""  # smaller: code that fails where a rewritten program does something else
    solution: str = ""  # smaller: one that keeps to the bound

    @property
    def generated(self) -> bool:
        return ":" in self.name


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its answer, which was found by running it.

    `choices` is empty where the answer is typed. `right` is one of the choices, or the text to
    type; for `smaller` the bound in bytes. `facts`: what the run showed, a sentence each.
    """

    question: Question
    ask: str
    right: str
    choices: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    bytes_before: int = 0  # smaller: what the program takes as it is


@dataclass(frozen=True, slots=True)
class Verdict:
    right: bool
    text: str  # one sentence
