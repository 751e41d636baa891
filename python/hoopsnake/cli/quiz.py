# SPDX-License-Identifier: Apache-2.0
"""`hoop quiz`: questions on memory, asked in the terminal, graded by running the programs."""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections.abc import Callable, Sequence

from hoopsnake._errors import HoopError
from hoopsnake._output import whole_file
from hoopsnake.cli import snapshots as shared
from hoopsnake.cli.quiz_round import Round, tell
from hoopsnake.learn import lessons
from hoopsnake.quiz import answers, bank, generate, progress, sheet, shown
from hoopsnake.quiz.model import (
    GRADE_TITLES,
    GRADES,
    KIND_TITLES,
    KINDS,
    Asked,
    Kind,
    Question,
)
from hoopsnake.report import units
from hoopsnake.report.text import (
    BLANK,
    Column,
    Line,
    Row,
    Span,
    paragraph,
    table,
)

_COUNT = 10


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    path = progress.place(os.environ)
    if options.list:
        return _list(options)
    if options.progress:
        return _show_progress(path)
    seed = random.SystemRandom().randrange(1, 100_000) if options.seed is None else options.seed
    chosen = choose(options, seed, progress.load(path, tell))
    if options.json:
        shared.show_json([_as_json(answers.ask(one, seed)) for one in chosen])
        return 0
    if options.export:
        return _export(chosen, seed, options.export)
    return Round(chosen, seed, path).play()


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="hoop quiz",
        description="Asks questions on memory in Python, and grades the answers by running the "
        "programs on the Python at hand. `hoop learn` has the lessons to them.",
    )
    made.add_argument("names", nargs="*", metavar="NAME", help="these questions (--list has all)")
    made.add_argument("--lesson", metavar="NAME", help="questions to this lesson")
    made.add_argument("--grade", type=int, choices=GRADES, help="1 basics, 2 interview, 3 expert")
    made.add_argument("--kind", choices=KINDS, help="questions of this kind")
    made.add_argument("-n", "--count", type=shared.number_of, default=_COUNT, help="default: 10")
    made.add_argument("--seed", type=int, help="the same questions in the same order")
    made.add_argument("--generated", action="store_true", help="programs that nobody wrote")
    made.add_argument("--progress", action="store_true", help="show how you did so far")
    made.add_argument("--list", action="store_true", help="list the questions")
    made.add_argument("--export", metavar="FILE", help="a sheet to print: FILE.md or FILE.html")
    made.add_argument("--json", action="store_true", help="print questions and answers as JSON")
    return made


# --- which questions -----------------------------------------------------------------------------


def choose(options: argparse.Namespace, seed: int, so_far: progress.Progress) -> list[Question]:
    """What the options ask for. With a seed of the user's, progress does not matter."""
    chance = random.Random(seed)
    if options.names:
        return [_named(name) for name in options.names]
    if options.generated:
        return _generated(options, chance)
    pool = _pool(options)
    if not pool:
        raise HoopError("no question is of that lesson, kind and grade; `hoop quiz --list`")
    past = progress.Progress() if options.seed is not None else so_far
    return past.choose(pool, options.count, chance)


def _named(name: str) -> Question:
    for question in bank.questions():
        if question.name == name:
            return question
    return generate.by_name(name)


def _pool(options: argparse.Namespace) -> list[Question]:
    if options.lesson:
        lessons.find(options.lesson)
    return [
        question
        for question in bank.questions()
        if options.lesson in (None, question.lesson)
        and options.grade in (None, question.grade)
        and options.kind in (None, question.kind)
    ]


def _generated(options: argparse.Namespace, chance: random.Random) -> list[Question]:
    if options.lesson:
        raise HoopError(
            "generated questions belong to no lesson; leave out --lesson, or name a --kind"
        )
    kinds: list[Kind] = [options.kind] if options.kind else list(generate.MAKERS)
    chosen = []
    for index in range(options.count):
        grade = options.grade or chance.choice(GRADES)
        kind = kinds[index % len(kinds)]
        chosen.append(generate.make(kind, grade, chance.randrange(1, 1_000_000)))
    return sorted(chosen, key=lambda question: question.grade)


# --- lists and documents -------------------------------------------------------------------------


def _list(options: argparse.Namespace) -> int:
    pool = _pool(options)
    order = {lesson.name: index for index, lesson in enumerate(lessons.LESSONS)}
    pool.sort(key=lambda one: (order.get(one.lesson, 99), one.name))
    if options.json:
        fields = ("name", "lesson", "kind", "grade")
        shared.show_json([{name: getattr(one, name) for name in fields} for one in pool])
        return 0
    rows: list[Row] = [
        [one.name, KIND_TITLES[one.kind], GRADE_TITLES[one.grade], one.lesson] for one in pool
    ]
    columns = [Column("question"), Column("kind"), Column("grade"), Column("lesson")]
    kinds = ", ".join(generate.MAKERS)
    shared.show(
        [
            *table(columns, rows, shared.page(), indent=0),
            BLANK,
            (
                Span(
                    f"{units.plural(len(pool), 'question')}; --generated makes more of: {kinds}",
                    "dim",
                ),
            ),
        ]
    )
    return 0


def _as_json(asked: Asked) -> dict[str, object]:
    question = asked.question
    return {
        "name": question.name,
        "lesson": question.lesson,
        "kind": question.kind,
        "grade": question.grade,
        "ask": asked.ask,
        "program": question.program,
        "choices": list(asked.choices),
        "right": asked.right,
        "why": question.why,
        "facts": list(asked.facts),
        "solution": question.solution,
        "run": shown.rows(asked),
    }


def _export(chosen: list[Question], seed: int, path: str) -> int:
    ending = os.path.splitext(path)[1].lower()
    if ending not in (".md", ".html", ".htm"):
        raise HoopError(f"--export {path}: name a file that ends in .md or .html")
    bar = shared.Progress("quiz")
    asked = []
    for index, question in enumerate(chosen):
        bar("running the programs", index / len(chosen))
        asked.append(answers.ask(question, seed))
    bar.done()
    make = sheet.as_markdown if ending == ".md" else sheet.as_html
    with whole_file(path) as part, open(part, "wb", closefd=False) as file:
        file.write(make(asked, "Memory in Python: questions").encode())
    print(f"{path}: {units.plural(len(asked), 'question')}; answers at the end", file=sys.stderr)
    return 0


def _show_progress(path: str) -> int:
    records = progress.load(path, tell).records.values()
    if not records:
        shared.show(paragraph("Nothing was asked yet: `hoop quiz` begins.", shared.page()))
        return 0
    asked, right = sum(one.asked for one in records), sum(one.right for one in records)
    lines: list[Line] = [
        *paragraph(f"{right:,} of {asked:,} answers right so far.", shared.page(), "strong"),
    ]
    names = [lesson.name for lesson in lessons.LESSONS]
    parts: tuple[tuple[str, Sequence[str], Callable[[progress.Record], str]], ...] = (
        ("lesson", names, lambda one: one.lesson),
        ("kind", [KIND_TITLES[kind] for kind in KINDS], _kind_title),
        ("grade", list(GRADE_TITLES.values()), lambda one: GRADE_TITLES.get(one.grade, "")),
    )
    for title, values, value_of in parts:
        rows: list[Row] = []
        for value in values:
            mine = [one for one in records if value_of(one) == value]
            if mine:
                rows.append([value, str(sum(one.asked for one in mine)), *_share(mine)])
        columns = [
            Column(title, least=22),
            Column("asked", right=True),
            Column("right", right=True),
        ]
        lines += [BLANK, *table(columns, rows, shared.page(), indent=0)]
    left = len({one.name for one in bank.questions()} - set(progress.load(path, tell).records))
    lines += [BLANK, (Span(f"{units.plural(left, 'question')} not asked yet", "dim"),)]
    shared.show(lines)
    return 0


def _kind_title(record: progress.Record) -> str:
    return next((KIND_TITLES[kind] for kind in KINDS if kind == record.kind), "")


def _share(records: Sequence[progress.Record]) -> list[str]:
    asked, right = sum(one.asked for one in records), sum(one.right for one in records)
    return [f"{right / asked:.0%}" if asked else ""]
