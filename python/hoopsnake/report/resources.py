# SPDX-License-Identifier: Apache-2.0
"""The section on what a program forgot to close; empty where all is in order."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hoopsnake.report import units
from hoopsnake.report.layout import title
from hoopsnake.report.model import OpenedPlace, Process
from hoopsnake.report.text import Column, Line, Page, Row, Span, clean, paragraph, table

# Of a line that leaves one or two open to the end, they may well be meant to be; and a program that
# has few files open may close them when it likes. src/cpython/resource_end.cpp, kManyLeft
MANY = 3
MOST_LINES = 4

_NOUNS = {
    "file": ("file", "files"),
    "socket": ("socket", "sockets"),
    "mmap": ("mmap", "mmaps"),
    "database": ("database connection", "database connections"),
    "process": ("process", "processes"),
    "directory": ("temporary directory", "temporary directories"),
    "descriptor": ("descriptor", "descriptors"),
    "event loop": ("event loop", "event loops"),
    "pool": ("pool of workers", "pools of workers"),
}
_SHORT = 100_000_000  # ns: nobody is harmed by what is closed this much later


def not_closed(
    process: Process, page: Page, directory: str | None = None, *, everything: bool = False
) -> list[Line]:
    """What was left to the finalizer, closed late, or never closed; where it was opened.

    Paths are shown as seen from `directory`. With `everything` also what is not worth a line.
    """
    final = process.final
    places = final.opened if final else ()
    rows = [row for place in _sorted(places) for row in _rows(place, directory, everything)]
    if not rows:
        return []
    shown = rows if everything else rows[:MOST_LINES]
    columns = [Column("", most=24), Column("opened in", most=max(page.width // 3, 24))]
    lines = [title("Not closed in time"), *table(columns, shown, page)]
    if len(shown) < len(rows):
        note = f"{len(rows) - len(shown)} more: hoop report --not-closed"
        lines += paragraph(note, page, "dim", indent=2)
    return lines


def _sorted(places: Sequence[OpenedPlace]) -> list[OpenedPlace]:
    """The worst first: many, and for long."""

    def badness(place: OpenedPlace) -> tuple[bool, int, int]:
        parts = (place.finalized, place.late, place.left)
        longest = max(part.longest for part in parts)
        return longest >= _SHORT, sum(part.count for part in parts), longest

    return sorted(places, key=badness, reverse=True)


def _rows(place: OpenedPlace, directory: str | None, everything: bool) -> list[Row]:
    where = _where(place, directory)
    least = 1 if everything else MANY
    rows: list[Row] = []
    if place.finalized.count:
        rows.append([_what(place, place.finalized.count), where, _finalized(place)])
    if place.left.count >= least:
        rows.append([_what(place, place.left.count), where, _left(place)])
    if place.late.count >= least:
        late = f"closed up to {units.duration(place.late.longest)} late"
        rows.append([_what(place, place.late.count), where, Span(late, "dim")])
    return rows


def _what(place: OpenedPlace, count: int) -> Span:
    if place.kind in _NOUNS:
        return Span(units.plural(count, *_NOUNS[place.kind]), "strong")
    return Span(f"{count:,} {clean(place.type or place.kind)}", "strong")


def _where(place: OpenedPlace, directory: str | None) -> str:
    if not place.file:
        return "(not seen)"
    function = "" if place.function in (None, "<module>") else f", {place.function}"
    return clean(f"{_short(place.file, directory)}:{place.line}{function}")


def _short(path: str, directory: str | None) -> str:
    """The path as one would type it; of an installed package, from the package on."""
    for marker in ("/site-packages/", "/dist-packages/"):
        if marker in path:
            return path.rsplit(marker, 1)[1]
    if directory and path.startswith(directory.rstrip("/") + "/"):
        return os.path.relpath(path, directory)
    return path


def _finalized(place: OpenedPlace) -> Span:
    """Nobody closed it: its finalizer did, when nobody held it any more."""
    if place.kind == "process":
        return Span("never waited for", "dim")
    longest = place.finalized.longest
    late = f", up to {units.duration(longest)} late" if longest >= _SHORT else ""
    return Span(f"left to the finalizer{late}", "dim")


def _left(place: OpenedPlace) -> Span:
    if place.holder:
        return Span(f"still held by {clean(place.holder)}", "dim")
    text = {
        "process": "not waited for at the end",
        "directory": "there at the end",
        "pool": "ended by Python at the end",
    }.get(place.kind, "open at the end")
    return Span(text, "dim")
