# SPDX-License-Identifier: Apache-2.0
"""Styled lines and aligned tables; knows nothing of runs, nor of how a style is painted."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

Style = Literal["", "title", "strong", "head", "dim", "bar", "peak", "bad"]


class Span(NamedTuple):
    """A piece of a line in one style."""

    text: str
    style: Style = ""


Line = tuple[Span, ...]
BLANK: Line = ()


class Glyphs(NamedTuple):
    """The characters that are not ASCII, or what stands for them where they cannot be shown."""

    steps: str
    bars: str
    rule: str
    tick: str
    cut: str


UNICODE = Glyphs(
    steps="\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588",
    bars="\u258f\u258e\u258d\u258c\u258b\u258a\u2589\u2588",
    rule="\u2500",
    tick="\u2575",
    cut="\u2026",
)
ASCII = Glyphs(steps="_.,-=+*#", bars="#", rule="-", tick="'", cut="...")


class Page(NamedTuple):
    """What lines are laid out for."""

    width: int
    glyphs: Glyphs


class Column(NamedTuple):
    """A table column, at least `least` and at most `most` cells wide.

    A flexible one is cut short when the table is too wide.
    """

    title: str
    right: bool = False
    flexible: bool = False
    least: int = 0
    most: int = 200


class Bar(NamedTuple):
    """A share, 0 to 1, drawn in what room a row leaves at its end."""

    share: float


Cell = str | Span | Bar
Row = Sequence[Cell]

_LONGEST_BAR = 30


def clean(text: str) -> str:
    """`text` on one line, with nothing in it that a terminal would obey."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")


def cells(text: str) -> int:
    """How many columns a terminal gives to `text`."""
    if text.isascii():
        return len(text)
    return sum(_cells_of(char) for char in text)


def _cells_of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def shorten(text: str, width: int, page: Page) -> str:
    """Cut the end off, with a mark, so that `text` fits."""
    if cells(text) <= width:
        return text
    room = max(width - len(page.glyphs.cut), 0)
    kept = ""
    for char in text:
        if cells(kept) + _cells_of(char) > room:
            break
        kept += char
    return (kept.rstrip() + page.glyphs.cut)[: max(width, 0)]


def paragraph(text: str, page: Page, style: Style = "", indent: int = 0) -> list[Line]:
    pad = " " * indent
    lines = textwrap.wrap(
        text, max(page.width, 20), initial_indent=pad, subsequent_indent=pad, break_on_hyphens=False
    )
    return [(Span(line, style),) for line in lines]


def draw_bar(share: float, width: int, page: Page) -> Span:
    """A bar whose full length, for a share of 1, is `width`; never empty for more than nothing."""
    marks = page.glyphs.bars
    steps = len(marks)
    filled = round(min(max(share, 0.0), 1.0) * max(width, 0) * steps)
    if share > 0 and width > 0:
        filled = max(filled, 1)
    whole, rest = divmod(filled, steps)
    return Span(marks[-1] * whole + (marks[rest - 1] if rest else ""), "bar")


def table(
    columns: Sequence[Column], rows: Iterable[Row], page: Page, indent: int = 2
) -> list[Line]:
    """Headings and aligned rows. A last cell without a column of its own is a remark or a bar."""
    grid = [list(row) for row in rows]
    if any(column.title for column in columns):
        grid.insert(0, [Span(column.title, "head") for column in columns])
    widths = _widths(columns, grid, page.width - indent)
    return [_line(columns, row, widths, page, indent) for row in grid]


def _widths(columns: Sequence[Column], grid: list[list[Cell]], room: int) -> list[int]:
    widths = []
    for index, column in enumerate(columns):
        widest = max((cells(_span(row[index]).text) for row in grid if index < len(row)), default=0)
        widths.append(min(max(widest, column.least), column.most))
    excess = sum(widths) + 2 * (len(widths) - 1) - room
    for index, column in enumerate(columns):
        if column.flexible and excess > 0:
            narrower = max(widths[index] - excess, 8)
            excess -= widths[index] - narrower
            widths[index] = narrower
    return widths


def _line(
    columns: Sequence[Column], row: list[Cell], widths: list[int], page: Page, indent: int
) -> Line:
    spans = [Span(" " * indent)]
    for column, width, cell in zip(columns, widths, row, strict=False):
        span = _span(cell)
        text = shorten(span.text, width, page)
        pad = Span(" " * (width - cells(text)))
        shown = span._replace(text=text)
        spans += [pad, shown] if column.right else [shown, pad]
        spans.append(Span("  "))
    if len(row) > len(columns):
        room = page.width - indent - sum(widths) - 2 * len(widths)
        spans.append(_at_the_end(row[-1], room, page))
    return _stripped(spans)


def _at_the_end(cell: Cell, room: int, page: Page) -> Span:
    if isinstance(cell, Bar):
        return draw_bar(cell.share, min(room, _LONGEST_BAR), page)
    span = _span(cell)
    return span._replace(text=shorten(span.text, room, page))


def _stripped(spans: list[Span]) -> Line:
    while spans and not spans[-1].text.strip():
        spans.pop()
    if spans:
        spans[-1] = spans[-1]._replace(text=spans[-1].text.rstrip())
    return tuple(span for span in spans if span.text)


def _span(cell: Cell) -> Span:
    if isinstance(cell, Span):
        return cell
    return Span(cell) if isinstance(cell, str) else Span("")


def plain(line: Line) -> str:
    return "".join(span.text for span in line)
