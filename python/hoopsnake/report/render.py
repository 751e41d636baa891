# SPDX-License-Identifier: Apache-2.0
"""The report as lines, and the lines on a stream: with colour on a terminal, plain elsewhere.

This runs at the end of every user's program, in that program's environment: it uses no library.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from typing import TextIO

from hoopsnake.report import collector, resources, sections
from hoopsnake.report.descendants import command_line, descendants
from hoopsnake.report.model import Process, Run, State
from hoopsnake.report.sentence import opening
from hoopsnake.report.text import (
    ASCII,
    BLANK,
    UNICODE,
    Line,
    Page,
    Span,
    Style,
    cells,
    clean,
    paragraph,
    plain,
    shorten,
)

WIDTH_ELSEWHERE = 100
_NARROWEST, _WIDEST = 72, 120

# What a terminal is told (SGR). A style that is not here looks like the rest of the text.
_PAINT: dict[Style, str] = {
    "title": "1",
    "strong": "1",
    "head": "2",
    "dim": "2",
    "bar": "36",
    "peak": "1;95",
    "bad": "31",
}


def report(run: Run, page: Page, *, every_process: bool = False) -> list[Line]:
    """The whole report on a run."""
    lines = [_rule(run, page), BLANK, *paragraph(opening(run), page, "strong")]
    blocks = _of_process(run.focus, page) if run.focus else []
    if run.focus:
        directory = run.about.directory if run.about else None
        blocks.append(resources.not_closed(run.focus, page, directory))
    if run.focus and not run.root:
        about = f"Process {run.focus.pid}, the largest: {command_line(run.focus)}"
        blocks.insert(0, [(Span(shorten(about, page.width, page), "strong"),)])
    blocks.append(descendants(run, page, every_process=every_process))
    for block in filter(None, blocks):
        lines += [BLANK, *block]
    return [*lines, BLANK, *_footer(run, page)]


def process_report(run: Run, process: Process, page: Page) -> list[Line]:
    """The report on one process of a run, as if it had been the run."""
    return report(Run(run.path, run.about, process, (), run.problems), page)


def page_for(stream: TextIO) -> Page:
    """The width of the terminal behind `stream`, and the characters that it can take."""
    width = WIDTH_ELSEWHERE
    if stream.isatty():
        with contextlib.suppress(OSError, ValueError):
            width = os.get_terminal_size(stream.fileno()).columns or WIDTH_ELSEWHERE
    encoding = (stream.encoding or "ascii").lower().replace("-", "").replace("_", "")
    glyphs = UNICODE if encoding.startswith("utf") else ASCII
    return Page(min(max(width, _NARROWEST), _WIDEST), glyphs)


def wants_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def write(lines: Sequence[Line], stream: TextIO, *, colour: bool) -> None:
    """Put the lines on a stream that may not know all of their characters."""
    text = _coloured(lines) if colour else as_text(lines)
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def as_text(lines: Sequence[Line]) -> str:
    """The lines without any style."""
    return "".join(f"{plain(line)}\n" for line in lines)


def _coloured(lines: Sequence[Line]) -> str:
    return "".join(f"{''.join(map(_painted, line))}\n" for line in lines)


def _painted(span: Span) -> str:
    paint = _PAINT.get(span.style)
    return f"\x1b[{paint}m{span.text}\x1b[0m" if paint else span.text


def _of_process(process: Process, page: Page) -> list[list[Line]]:
    return [
        sections.curve(process, page),
        sections.time_and_memory(process, page),
        sections.account(process, page),
        sections.heap(process, page),
        sections.given_back(process, page),
        sections.last_seen(process, page),
        sections.types(process, page),
        sections.sizes(process, page),
        collector.collections(process, page),
    ]


def _rule(run: Run, page: Page) -> Line:
    """The heading: what ran, on which Python."""
    rule = page.glyphs.rule
    lead, name = rule * 2, " Hoopsnake "
    right = _whereabouts(run.root)
    room = page.width - len(lead) - len(name) - len(right)
    words = _words(run)
    program = f"{lead} {shorten(words, room - 8, page)} " if words else ""
    fill = rule * max(room - cells(program), 0)
    return (
        Span(lead, "dim"),
        Span(name, "title"),
        Span(program[:2], "dim"),
        Span(program[2:], "strong"),
        Span(fill, "dim"),
        Span(right, "dim"),
    )


def _words(run: Run) -> str:
    """What was run: as it was asked for, or as the process knows itself."""
    root, about = run.root, run.about
    if about and (root is None or root.pid == about.root_pid):
        return clean(" ".join(about.arguments))
    return command_line(root) if root else ""


def _whereabouts(root: Process | None) -> str:
    if root is None:
        return ""
    return f" CPython {root.python}, process {root.pid}" if root.python else f" process {root.pid}"


def _footer(run: Run, page: Page) -> list[Line]:
    lines: list[Line] = []
    for problem in run.problems:
        lines += paragraph(f"Damaged: {clean(str(problem))}", page, "bad")
    started = moment(run.about.started, "%d %b %Y, %H:%M") if run.about else ""
    when = f"Started on {started}. " if started else ""
    lines += paragraph(f"{when}1 MiB is 1,048,576 bytes.", page, "dim")
    lines.append((Span(f"This again: hoop report {clean(run.path)}", "dim"),))
    if _was_cut_short(run):
        lines.append((Span(f"What held its memory: hoop explain {clean(_snapshots(run))}", "dim"),))
    return lines


def _snapshots(run: Run) -> str:
    return (run.about.explain or "") if run.about else ""


def _was_cut_short(run: Run) -> bool:
    """Nothing could be said of its snapshots at its end."""
    is_cut = run.root is None or run.root.state in (State.KILLED, State.RUNNING)
    return is_cut and os.path.isdir(_snapshots(run))


def moment(unix_time: float, pattern: str) -> str:
    """Local time; empty where the figure cannot be a time."""
    try:
        return time.strftime(pattern, time.localtime(unix_time))
    except (OverflowError, ValueError, OSError):
        return ""
