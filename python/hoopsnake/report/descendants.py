# SPDX-License-Identifier: Apache-2.0
"""The table of the Python processes of a run, but for the one that the run began with."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from hoopsnake.report import units
from hoopsnake.report.model import Process, Run, State
from hoopsnake.report.readers import MOST_CHILDREN
from hoopsnake.report.text import Column, Line, Page, Row, Span, clean, paragraph, table

_PYTHON = re.compile(r"python[\d.]*")
# With more processes than this, the last row's place goes to a line on the rest.
MOST_ROWS = 8


def descendants(run: Run, page: Page, *, every_process: bool) -> list[Line]:
    """One row for each process; the largest only, when there are many and not all are wanted."""
    listed = run.others if every_process else run.descendants
    if not listed:
        return []
    shown: Sequence[Process] = listed
    rest: Sequence[Process] = ()
    if len(listed) > MOST_ROWS and not every_process:
        by_weight = sorted(listed, key=_weight)
        rest = by_weight[MOST_ROWS - 1 :]
        shown = [process for process in listed if process not in rest]
    columns = [
        Column("process", right=True),
        Column("Python"),
        Column("ran", right=True),
        Column("peak", right=True),
        Column("state"),
        Column("program", flexible=True),
    ]
    rows = [_row(process) for process in shown]
    title = f"{'Other ' if run.root else ''}Python processes of this run"
    lines: list[Line] = [(Span(title, "title"),)]
    lines += table(columns, rows, page)
    notes = [
        *_rest(rest),
        *_left_out(run.left_out),
        *_reasons(listed),
        "For the full report on one: hoop report --pid PROCESS",
    ]
    for note in notes:
        lines += paragraph(f"{note}.", page, "dim", indent=2)
    return lines


def _weight(process: Process) -> tuple[bool, int]:
    """What has to be seen first: those that died, then the largest."""
    return process.state is not State.KILLED, -process.peak_rss


def _row(process: Process) -> Row:
    state = Span(process.state.value)
    if not process.active:
        state = Span("stayed out", "dim")
    return [
        str(process.pid),
        process.python,
        units.duration(process.wall) if process.wall else "",
        units.size(process.peak_rss) if process.peak_rss else "",
        state,
        command_line(process),
    ]


def command_line(process: Process) -> str:
    """The command line without the folder, and without the interpreter before a script."""
    words = list(process.program)
    if len(words) > 1 and _PYTHON.fullmatch(_file_name(words[0])) and words[1][:1] != "-":
        del words[0]
    words[:1] = [_file_name(word) for word in words[:1]]
    return clean(" ".join(words))


def _file_name(word: str) -> str:
    return word.rpartition("/")[2] or word


def _rest(processes: Sequence[Process]) -> list[str]:
    if not processes:
        return []
    highest = units.size(max(process.peak_rss for process in processes))
    states = Counter(process.state.value for process in processes).most_common()
    summary = ", ".join(f"{count:,} {state}" for state, count in states)
    return [f"{len(processes):,} more, peaks up to {highest}: {summary} (--processes lists all)"]


def _left_out(count: int) -> list[str]:
    if not count:
        return []
    return [f"{count:,} more left no figures: only the first {MOST_CHILDREN:,} of a run do"]


def _reasons(processes: Sequence[Process]) -> list[str]:
    """Why Hoopsnake stayed out of some, each reason once."""
    reasons = Counter(
        process.reason or "no reason was given" for process in processes if not process.active
    )
    return [
        f"Hoopsnake stayed out of {units.plural(count, 'process', 'processes')}: {clean(reason)}"
        for reason, count in reasons.most_common()
    ]
