# SPDX-License-Identifier: Apache-2.0
"""Questions on paper: a sheet, and the answers on a page of their own, as Markdown or HTML."""

from __future__ import annotations

import html
import platform
from collections.abc import Sequence

from hoopsnake.quiz import shown
from hoopsnake.quiz.model import GRADE_TITLES, KIND_TITLES, Asked

LETTERS = "abcdefghij"


def title(asked: Asked) -> str:
    question = asked.question
    return f"{KIND_TITLES[question.kind]}, {GRADE_TITLES[question.grade]}"


def answer(asked: Asked) -> str:
    """The right answer in a line; for programs the bound."""
    if asked.question.kind == "smaller":
        return f"at most {int(asked.right):,} bytes"
    if asked.choices:
        return f"{LETTERS[asked.choices.index(asked.right)]}) {asked.right}"
    return asked.right


def version() -> str:
    return platform.python_version()


def made_by() -> str:
    return f"The answers were found by running each program on CPython {version()}."


# --- Markdown ------------------------------------------------------------------------------------


def as_markdown(asked: Sequence[Asked], heading: str) -> str:
    lines = [f"# {heading}", ""]
    for number, one in enumerate(asked, 1):
        lines += [f"## {number}. {title(one)}", "", *_code(one.question.program), one.ask, ""]
        lines += [f"- {LETTERS[at]}) {_mark(one, text)}" for at, text in enumerate(one.choices)]
        lines += [""] if one.choices else ["Answer: ______________", ""]
    lines += ["---", "", '<div style="page-break-before: always"></div>', "", "# Answers", ""]
    lines += [made_by(), ""]
    for number, one in enumerate(asked, 1):
        lines += [f"## {number}. {one.question.name}", "", f"**{_mark(one, answer(one))}**", ""]
        lines += [one.question.why, ""]
        lines += [f"- {fact}" for fact in one.facts] + ([""] if one.facts else [])
        if one.question.solution:
            lines += ["One way:", "", *_code(one.question.solution)]
        lines += _code_of_run(one)
    return "\n".join(lines).rstrip("\n") + "\n"


def _mark(asked: Asked, text: str) -> str:
    """What is of the program or printed by it is code; sentences mark their own."""
    return f"`{text}`" if asked.question.kind in ("output", "count", "share") else text


def _code(program: str) -> list[str]:
    return ["```python", *program.rstrip("\n").splitlines(), "```", ""]


def _code_of_run(one: Asked) -> list[str]:
    rows = shown.rows(one)
    return ["The run:", "", "```text", *rows, "```", ""] if rows else []


_BLANK = '<p class="blank">Answer: ______________</p>'


# --- HTML ----------------------------------------------------------------------------------------

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.6em; } h2 { font-size: 1.1em; margin: 0 0 .5em; }
section { margin: 0 0 2.2em; break-inside: avoid; }
pre { font: 14px/1.45 ui-monospace, Menlo, Consolas, monospace; padding: .7em 1em; overflow-x: auto;
  border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: 6px; }
pre .n { opacity: .45; user-select: none; } pre .e { opacity: .7; }
code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .93em; }
ol.choices { list-style: lower-alpha; padding-left: 2em; } .blank { margin-top: 1.2em; }
.answers { break-before: page; border-top: 2px solid; margin-top: 3em; padding-top: 1em; }
.small { opacity: .7; font-size: .9em; }
@media print { body { margin: 0; max-width: none; font-size: 11pt; } pre { font-size: 9.5pt; } }
"""


def as_html(asked: Sequence[Asked], heading: str) -> str:
    """One file that needs nothing else."""
    name = html.escape(heading)
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{name}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>{name}</h1>",
        *(_question_html(number, one) for number, one in enumerate(asked, 1)),
        f'<div class="answers"><h1>Answers</h1><p class="small">{html.escape(made_by())}</p>',
        *(_answer_html(number, one) for number, one in enumerate(asked, 1)),
        "</div></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _question_html(number: int, one: Asked) -> str:
    choices = "".join(f"<li>{_inline(_mark(one, text))}</li>" for text in one.choices)
    room = f'<ol class="choices">{choices}</ol>' if choices else _BLANK
    return (
        f"<section><h2>{number}. {html.escape(title(one))}</h2>"
        f"{_listing(one.question.program)}<p>{_inline(one.ask)}</p>{room}</section>"
    )


def _answer_html(number: int, one: Asked) -> str:
    facts = "".join(f"<li>{_inline(fact)}</li>" for fact in one.facts)
    solution = one.question.solution
    rows = "\n".join(map(_run_row, shown.rows(one)))
    right = _inline(_mark(one, answer(one)))
    return (
        f"<section><h2>{number}. {html.escape(one.question.name)}</h2>"
        f"<p><strong>{right}</strong></p><p>{_inline(one.question.why)}</p>"
        + (f"<ul>{facts}</ul>" if facts else "")
        + (f"<p>One way:</p>{_listing(solution)}" if solution else "")
        + (f'<p class="small">The run:</p><pre>{rows}</pre>' if rows else "")
        + "</section>"
    )


def _run_row(row: str) -> str:
    text = html.escape(row)
    return f'<span class="e">{text}</span>' if row.startswith(shown.INDENT) else text


def _listing(program: str) -> str:
    lines = program.rstrip("\n").splitlines()
    rows = (
        f'<span class="n">{number:3}  </span>{html.escape(line)}'
        for number, line in enumerate(lines, 1)
    )
    return "<pre>" + "\n".join(rows) + "</pre>"


def _inline(text: str) -> str:
    """Escaped, with what stands between backquotes as code."""
    pieces = html.escape(text).split("`")
    return "".join(
        f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces)
    )
