# SPDX-License-Identifier: Apache-2.0
"""What the sections of a report have in common: titles, facts, the first columns of tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hoopsnake.report.model import FinalFile
from hoopsnake.report.text import Column, Line, Page, Row, Span, table

# The first two columns of all tables but that of types, so that figures stand below each other.
LABEL, FIGURE = 26, 9


class Fact(NamedTuple):
    """A line of a section that is no table: name, figure, and a few words on it."""

    name: str
    figure: str
    remark: str = ""


def fact_lines(facts: Sequence[Fact], page: Page) -> list[Line]:
    rows: list[Row] = [[fact.name, fact.figure, Span(fact.remark, "dim")] for fact in facts]
    return table(first_two("", ""), rows, page)


def first_two(label: str, figure: str) -> list[Column]:
    return [
        Column(label, flexible=True, least=LABEL),
        Column(figure, right=True, least=FIGURE),
    ]


def title(text: str) -> Line:
    return (Span(text, "title"),)


def total_row(name: str, figures: Sequence[str]) -> list[Span]:
    return [Span(name, "strong"), *(Span(figure, "strong") for figure in figures)]


def of_wall(nanoseconds: int, final: FinalFile) -> str:
    return f"{share_of(nanoseconds, final.wall)} of the wall clock"


def share_of(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%" if whole > 0 else "-"
