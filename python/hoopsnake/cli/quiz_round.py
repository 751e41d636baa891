# SPDX-License-Identifier: Apache-2.0
"""A round of `hoop quiz`: questions are shown, answers read from stdin, and what happened told."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from hoopsnake.cli import snapshots as shared
from hoopsnake.learn import lessons
from hoopsnake.quiz import answers, progress, sheet, shown
from hoopsnake.quiz.model import Asked, Question, Verdict
from hoopsnake.report import units
from hoopsnake.report.text import BLANK, Line, Span, Style, clean, paragraph

_LETTERS = sheet.LETTERS
_told: set[str] = set()


def tell(sentence: str) -> None:
    """On stderr, once."""
    if sentence not in _told:
        print(f"hoop quiz: {sentence}", file=sys.stderr)
    _told.add(sentence)


class Quit(Exception):  # noqa: N818 - no error
    """The user has had enough, or stdin ended."""


class Round:
    """Some questions, one after the other."""

    def __init__(self, questions: Sequence[Question], seed: int, path: str) -> None:
        self.questions = questions
        self.seed = seed
        self.path = path
        self.results: list[tuple[Question, bool]] = []
        self.on = shared.page()
        self.draft = ""  # what is in the user's editor

    def play(self) -> int:
        """Ask all. The exit status is 0 whatever was answered."""
        if sys.stdin.isatty():
            with contextlib.suppress(ImportError):
                import readline  # noqa: F401 - input() can be edited then
        told = units.plural(len(self.questions), "question")
        told += f"; the answers come from running the programs on CPython {sheet.version()}."
        shared.show([*paragraph(told, self.on, "dim"), BLANK])
        try:
            for number, question in enumerate(self.questions, 1):
                self._one(number, question)
        except (Quit, KeyboardInterrupt):
            shared.show([BLANK])
        self._end()
        return 0

    def _one(self, number: int, question: Question) -> None:
        try:
            asked = answers.ask(question, self.seed)
        except answers.Broken as broken:
            tell(str(broken))
            return
        self._show_question(number, asked)
        verdict = self._programs(asked) if question.kind == "smaller" else self._answer(asked)
        if verdict is None:
            shared.show(paragraph(f"Skipped. It is {sheet.answer(asked)}", self.on))
        else:
            self.results.append((question, verdict.right))
            so_far = progress.load(self.path, tell)
            so_far.note(question, right=verdict.right)
            progress.save(so_far, self.path, tell)
        self._explain(asked)

    def _show_question(self, number: int, asked: Asked) -> None:
        question = asked.question
        place = f"Question {number} of {len(self.questions)}"
        head = f"{place}: {sheet.title(asked)}"
        lines: list[Line] = [
            (Span(head, "title"), Span(f"   {question.name}", "dim")),
            BLANK,
            *listing(question.program),
            BLANK,
            *paragraph(clean(asked.ask), self.on, "strong"),
        ]
        for index, choice in enumerate(asked.choices):
            first, *rest = paragraph(clean(choice), self.on._replace(width=self.on.width - 6))
            lines.append((Span(f"  {_LETTERS[index]})  "), *first))
            lines += [(Span(" " * 6), *line) for line in rest]
        shared.show([*lines, BLANK])

    def _answer(self, asked: Asked) -> Verdict | None:
        """None where it was skipped."""
        last = _LETTERS[len(asked.choices) - 1] if asked.choices else ""
        what = f"a-{last}" if last else "a number"
        while True:
            given = _read(f"Your answer ({what}; ? for a hint, s to skip, q to quit): ").strip()
            if given.lower() == "s":
                return None
            if given == "?":
                self._hint(asked.question)
            elif not given or not answers.understood(asked, given):
                shared.show(paragraph(f"That is no answer: {what}, or s to skip.", self.on))
            else:
                break
        verdict = answers.check(asked, given)
        told = "Right." if verdict.right else f"No. It is {sheet.answer(asked)}"
        shared.show([BLANK, *paragraph(clean(told), self.on, "strong" if verdict.right else "bad")])
        return verdict

    def _programs(self, asked: Asked) -> Verdict | None:
        """Programs until one is small enough, or the user gives up."""
        ways = "e for your editor, " if _editor() else ""
        told = f"Your program, and a line `.`; or @FILE, {ways}? for a hint, s to skip, q to quit"
        shared.show(paragraph(told, self.on, "dim"))
        self.draft = asked.question.program
        verdict: Verdict | None = None
        while True:
            program = self._program(asked.question)
            if program is None:
                return verdict
            verdict = answers.check(asked, program)
            style = "strong" if verdict.right else "bad"
            shared.show([BLANK, *paragraph(clean(verdict.text), self.on, style)])  # type: ignore[arg-type]
            if verdict.right:
                return verdict
            shared.show(paragraph("Again, or s to give up:", self.on, "dim"))

    def _program(self, question: Question) -> str | None:
        lines: list[str] = []
        while True:
            line = _read("... " if lines else ">>> ")
            word = line.strip()
            if not lines and word == "s":
                return None
            if not lines and word == "?":
                self._hint(question)
            elif not lines and _is_file_name(word):
                program = self._read_file(word[1:].strip())
                if program is not None:
                    return program
            elif not lines and word == "e" and _editor():
                self.draft = _edited(self.draft)
                return self.draft
            elif word == ".":
                return "\n".join(lines) + "\n"
            else:
                lines.append(line)

    def _read_file(self, path: str) -> str | None:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError as error:
            shared.show(paragraph(clean(f"Cannot read {path}: {error.strerror}."), self.on, "bad"))
            return None

    def _hint(self, question: Question) -> None:
        lesson = lessons.find(question.lesson)
        told = f"{lesson.sentence} `hoop learn {lesson.name}` shows it."
        shared.show(paragraph(told, self.on, "dim"))

    def _explain(self, asked: Asked) -> None:
        lines = [BLANK, *paragraph(clean(asked.question.why), self.on)]
        for fact in asked.facts:
            lines += paragraph(clean(f"- {fact}"), self.on, "dim", indent=2)
        if asked.question.solution:
            lines += [BLANK, (Span("One way:", "dim"),), *listing(asked.question.solution)]
        run = shown.rows(asked)
        if run:
            lines += [BLANK, (Span("What became of the objects:", "strong"),)]
            for row in run:
                style: Style = "dim" if row.startswith(shown.INDENT) else ""
                lines.append((Span(clean(row), style),))
        shared.show([*lines, BLANK, BLANK])

    def _end(self) -> None:
        if not self.results:
            shared.show(paragraph("No answers, no score.", self.on))
            return
        right = sum(good for _, good in self.results)
        told = f"{right} of {len(self.results)} right."
        shared.show(paragraph(told, self.on, "strong"))
        missed = [question for question, good in self.results if not good]
        if missed:
            weak = list(dict.fromkeys(question.lesson for question in missed))[:3]
            pages = ", ".join(f"`hoop learn {name}`" for name in weak)
            shared.show(paragraph(f"Worth a look: {pages}", self.on))
            again = " ".join(question.name for question in missed)
            shared.show([(Span(f"Those you missed: hoop quiz {again}", "dim"),)])
        shared.show(paragraph("All so far: hoop quiz --progress", self.on, "dim"))


def _is_file_name(word: str) -> bool:
    """@FILE, and not a decorator."""
    name = word[1:].strip()
    return word.startswith("@") and ("/" in name or name.endswith(".py") or os.path.isfile(name))


def _editor() -> list[str]:
    return shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "")


def _edited(program: str) -> str:
    """The program as the user's editor leaves it."""
    with tempfile.TemporaryDirectory(prefix="hoop-quiz-") as folder:
        path = os.path.join(folder, "program.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write(program)
        try:
            subprocess.run([*_editor(), path], check=False)
        except OSError as error:
            tell(f"cannot run {_editor()[0]} ({error.strerror})")
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()


def listing(program: str) -> list[Line]:
    """The lines of a program with their numbers."""
    return [
        (Span(f"  {number:3}  " if text else f"  {number:3}", "dim"), Span(clean(text)))
        for number, text in enumerate(program.rstrip("\n").splitlines(), 1)
    ]


def _read(prompt: str) -> str:
    """A line of stdin, without its end. Quit at the end of it, or when told so."""
    try:
        line = input(prompt)
    except EOFError:
        raise Quit from None
    if not sys.stdin.isatty():
        print()
    if line.strip().lower() == "q":
        raise Quit
    return line
