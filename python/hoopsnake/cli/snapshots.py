# SPDX-License-Identifier: Apache-2.0
"""What the commands that question a snapshot have in common: opening it, and showing answers."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence

from hoopsnake._errors import HoopError
from hoopsnake.report import render, units
from hoopsnake.report.text import BLANK, Column, Line, Page, Row, Span, clean, paragraph, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from hoopsnake.heap import Holder, Snapshot, Total

_QUIET_SECONDS = 1.0
_BETWEEN_SECONDS = 0.2
UNCUT = 10_000


class Progress:
    """What long work is at, on one line of stderr; nothing where it ends within a second."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._started = self._shown = time.monotonic()
        self._last = ""

    def __call__(self, what: str, share: float) -> None:
        now = time.monotonic()
        if now - self._started < _QUIET_SECONDS:
            return
        is_terminal = sys.stderr.isatty()
        if is_terminal and now - self._shown >= _BETWEEN_SECONDS:
            done = f" {share:.0%}" if share else ""
            sys.stderr.write(f"\r\x1b[K{self._name}: {what}{done}")
            sys.stderr.flush()
            self._shown = now
        elif not is_terminal and what != self._last:
            print(f"hoop: {self._name}: {what}", file=sys.stderr)
            self._last = what

    def done(self) -> None:
        if sys.stderr.isatty() and self._shown > self._started:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def parser(verb: str, description: str) -> argparse.ArgumentParser:
    import argparse

    made = argparse.ArgumentParser(prog=f"hoop {verb}", description=description)
    made.add_argument("file", help="a snapshot file")
    return made


def add_common(made: argparse.ArgumentParser) -> None:
    made.add_argument("--json", action="store_true", help="print the answer as JSON, in bytes")
    made.add_argument(
        "--no-index", action="store_true", help="neither read nor write FILE.index beside the file"
    )


def open_file(path: str, options: argparse.Namespace) -> Snapshot:
    from hoopsnake import heap

    progress = Progress(os.path.basename(path))
    try:
        return heap.open(path, index="never" if options.no_index else "auto", progress=progress)
    finally:
        progress.done()


def number_of(text: str) -> int:
    """A positive number of rows, for argparse."""
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def size_of(text: str) -> int:
    """Bytes, with K, M or G behind them if need be, for argparse."""
    scale = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}.get(text[-1:].lower(), 1)
    return int(float(text[:-1] if scale > 1 else text) * scale)


def show(lines: Sequence[Line]) -> None:
    render.write(lines, sys.stdout, colour=render.wants_colour(sys.stdout, os.environ))


def page() -> Page:
    return render.page_for(sys.stdout)


def wide() -> Page:
    """For tables with paths: a file or another program gets them whole."""
    on = page()
    return on if sys.stdout.isatty() else on._replace(width=UNCUT)


def show_json(value: object) -> None:
    json.dump(value, sys.stdout, indent=2)
    print()


def heading(snapshot: Snapshot, answer: str, on: Page) -> list[Line]:
    """The answer in a sentence, then what it is about."""
    when = render.moment(snapshot.taken_ns / 1e9, "%d %b %Y, %H:%M:%S")
    about = (
        f"Process {snapshot.pid}, CPython {snapshot.python}, {when}: "
        f"{units.plural(len(snapshot), 'object')}, {units.size(snapshot.size)}."
    )
    lines = [*paragraph(clean(answer), on, "strong"), *paragraph(clean(about), on, "dim")]
    if snapshot.any_instant:
        lines += paragraph(
            "A thread may have been changing objects at that instant: single objects may be off.",
            on,
            "dim",
        )
    return [*lines, BLANK]


def sizes(*amounts: int) -> list[str]:
    return [units.size(amount) for amount in amounts]


NUMBERS = [
    Column("objects", right=True),
    Column("size", right=True),
    Column("retained", right=True),
]


def holders_table(holders: Sequence[Holder], most: int, on: Page) -> list[Line]:
    rows: list[Row] = [
        [
            f"{holder.count:,}",
            *sizes(holder.size, holder.retained),
            Span(clean(holder.path), "strong"),
        ]
        for holder in holders[:most]
    ]
    lines = table([*NUMBERS, Column("held by", flexible=True, most=UNCUT)], rows, wide())
    return lines + more(len(holders) - most, "way")


def more(number: int, noun: str) -> list[Line]:
    if number <= 0:
        return []
    return [(Span(f"  and {units.plural(number, f'{noun} more', f'{noun}s more')}", "dim"),)]


def total_json(total: Total) -> dict[str, object]:
    return {
        "name": total.name,
        "count": total.count,
        "size": total.size,
        "retained": total.retained,
    }


def holder_json(holder: Holder) -> dict[str, object]:
    return {
        "path": holder.path,
        "count": holder.count,
        "size": holder.size,
        "retained": holder.retained,
        "example": holder.example.address,
        "example_path": holder.example.path(),
    }


def find_object(snapshot: Snapshot, text: str) -> int:
    """The number of the object that a word of the command line names."""
    from hoopsnake.heap.lookup import parse_address

    address = parse_address(text)
    if address is not None:
        return snapshot.object_at(address).id
    try:
        return snapshot.find(text).id
    except HoopError:
        found = list(snapshot.objects(text)) if snapshot.type_rows(text) else []
        if not found:
            raise
        return max(found, key=lambda one: one.retained).id
