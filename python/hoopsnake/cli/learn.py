# SPDX-License-Identifier: Apache-2.0
"""`hoop learn`: what each line of a program does to its objects, to step through or as a page."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Sequence

from hoopsnake._errors import HoopError
from hoopsnake._output import whole_file
from hoopsnake.cli import snapshots as shared
from hoopsnake.learn.lessons import LESSONS, Lesson, find
from hoopsnake.report.text import BLANK, Line, Span, paragraph

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hoopsnake.learn.model import Life
    from hoopsnake.learn.recorder import Echo

USAGE = """\
usage: hoop learn [options] (script.py | -c code | LESSON) [arguments]
       hoop learn --list
       hoop learn --page LESSON

Runs a Python program on Hoopsnake's heap and shows, line by line, what becomes of its objects:
names, references, counts, what is created, shared, freed, and by what. On a terminal it is stepped
through, forwards and back; elsewhere it is text. `--list` lists the lessons, `--page` prints what
is to be known about one: what its lines do, what it means, what to try.
Options come before a program; all words after it are the program's own.

  --text             text, on a terminal too
  --html FILE        write a page with the picture, that opens in any browser
  --json FILE        write everything that was recorded, as JSON; - is stdout
  -v, --verbose      text: every block of memory too
  --python PATH      the Python to run it, if not the one that hoop is installed in
  --only PATH        tell only lines of this file, or of a folder (with / at the end); several
  --steps N          so many steps at most (10000), then the program runs on unseen
  --objects N        so many objects at a step at most (300)
  --timeout SECONDS  end the program after this time, and show what ran until then
"""

_WITH_WORD = {
    "--page",
    "--html",
    "--json",
    "--python",
    "--only",
    "--steps",
    "--objects",
    "--timeout",
}


def main(arguments: Sequence[str]) -> int:
    """Record and show; returns the program's exit status."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    ours, program = _split(arguments)
    options = _parser().parse_args(ours)
    if options.list:
        return _list_lessons()
    if options.page:
        print(find(options.page).page, end="")
        return 0
    if not program:
        print(USAGE, end="", file=sys.stderr)
        return 2
    lesson = _lesson_of(program[0])
    if lesson:  # it takes no words of its own
        options = _parser().parse_args([*ours, *program[1:]])
        program = [lesson.path]
    life = _record(program, options)
    _show(life, options, lesson)
    return life.exit_status if life.exit_status >= 0 else 128 - life.exit_status


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our options, and the program's words: from the first word that is no option of ours."""
    at = 0
    while at < len(arguments) and arguments[at].startswith("-") and arguments[at] != "-c":
        word = arguments[at]
        at += 1
        if word == "--":
            return list(arguments[: at - 1]), list(arguments[at:])
        if word in _WITH_WORD:
            at += 1
    return list(arguments[:at]), list(arguments[at:])


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="hoop learn", usage=USAGE, add_help=False)
    made.add_argument("--list", action="store_true")
    made.add_argument("--page", metavar="LESSON")
    made.add_argument("--text", action="store_true")
    made.add_argument("--html", metavar="FILE")
    made.add_argument("--json", metavar="FILE")
    made.add_argument("-v", "--verbose", action="store_true")
    made.add_argument("--python")
    made.add_argument("--only", action="append", default=[])
    made.add_argument("--steps", type=shared.number_of, default=10_000)
    made.add_argument("--objects", type=shared.number_of, default=300)
    made.add_argument("--timeout", type=float)
    made.error = _refuse  # type: ignore[assignment]
    return made


def _refuse(message: str) -> None:
    raise HoopError(f"{message}; see `hoop learn --help`")


def _record(program: list[str], options: argparse.Namespace) -> Life:
    from hoopsnake.learn.recorder import Limits, record

    is_interactive = sys.stdin is not None and sys.stdin.isatty()
    # Where text or JSON on stdout is the answer it has what the program printed. But who types what
    # the program asks for has to see the question.
    has_stdout = _has_file(options) and not options.text and options.json != "-"
    echo: Echo = "all" if has_stdout or (is_interactive and sys.stdout.isatty()) else "errors"
    return record(
        program,
        python=options.python,
        limits=Limits(options.steps, options.objects),
        timeout=options.timeout,
        only=options.only,
        echo=echo,
        stdin=None,
    )


def _has_file(options: argparse.Namespace) -> bool:
    return bool(options.html or options.json)


def _lesson_of(word: str) -> Lesson | None:
    """The lesson of that name; a file of that name goes first. HoopError where it is neither."""
    if word == "-c" or os.path.exists(word):
        return None
    for lesson in LESSONS:
        if lesson.name == word:
            return lesson
    if "/" in word or "." in word:
        raise HoopError(f"{word!r}: no such file", exit_code=127)
    raise HoopError(
        f"{word!r} is neither a file nor a lesson; `hoop learn --list` lists the lessons",
        exit_code=127,
    )


def _list_lessons() -> int:
    width = max(len(lesson.name) for lesson in LESSONS)
    on = shared.page()
    room = on._replace(width=on.width - width - 2)
    for lesson in LESSONS:
        shared.show([(Span(f"{lesson.name:<{width}}  ", "strong"), Span(lesson.title))])
        told = paragraph(lesson.sentence, room, "dim")
        shared.show([(Span(" " * (width + 2)), *line) for line in told])
    return 0


def _show(life: Life, options: argparse.Namespace, lesson: Lesson | None) -> None:
    page = lesson.page if lesson else ""
    if options.json:
        _write_json(life, options.json)
    if options.html:
        from hoopsnake.learn.html import as_html

        _write(options.html, as_html(life, page))
    if _has_file(options) and not options.text:
        if life.stopped:
            print(f"hoop learn: {life.stopped}", file=sys.stderr)
        return
    if not options.text and sys.stdout.isatty() and sys.stdin.isatty():
        if importlib.util.find_spec("textual") is not None:
            from hoopsnake.learn.app import step_through

            return step_through(life, page)
        print(
            "To step forwards and back: pip install 'hoopsnake[learn]'. Here it is as text.",
            file=sys.stderr,
        )
    from hoopsnake.learn.text import lines_of

    about = _about(lesson) if lesson else []
    shared.show([*about, *lines_of(life, shared.page(), verbose=options.verbose)])
    return None


def _about(lesson: Lesson) -> list[Line]:
    more = f"What its lines do, what it means, what to try: hoop learn --page {lesson.name}"
    room = shared.page()
    told = [*paragraph(lesson.sentence, room), *paragraph(more, room, "dim")]
    return [(Span(lesson.title, "strong"),), *told, BLANK]


def _write_json(life: Life, path: str) -> None:
    import json

    text = json.dumps(life.to_json(), indent=None, separators=(",", ":"))
    if path == "-":
        print(text)
    else:
        _write(path, text + "\n")


def _write(path: str, text: str) -> None:
    with whole_file(path) as part, open(part, "wb", closefd=False) as file:
        file.write(text.encode())
    print(f"{path}: {len(text) / 1024:,.0f} KiB", file=sys.stderr)
