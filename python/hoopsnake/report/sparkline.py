# SPDX-License-Identifier: Apache-2.0
"""Memory over time in one line of characters, with a time axis below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hoopsnake.report import units
from hoopsnake.report.text import Line, Page, Span

_NS_PER_S = 1_000_000_000
# Distances between ticks that people can read, in seconds, smallest first.
_TICKS = [
    *(
        digit * 10.0**power
        for power in range(-3, 2)
        for digit in (1, 2, 5)
        if digit * 10**power < 60
    ),
    *(60.0 * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(3600.0 * hours for hours in (1, 2, 4, 6, 12, 24, 48, 168, 24 * 30, 24 * 365)),
]
_CELLS_PER_TICK = 12


class Point(NamedTuple):
    """Memory at one moment since the start."""

    at: int
    size: int


def draw(points: Sequence[Point], end: int, label: str, page: Page) -> list[Line]:
    """The curve from 0 to `end`, its top labelled, and the axis. `points` are in order of time."""
    width = page.width - 2 - 2 - len(label)
    if len(points) < 2 or end <= 0 or width < 10:
        return []
    heights = buckets(points, end, width)
    top = max(heights)
    if top <= 0:
        return []
    spans = [Span("  "), *_curve(heights, top, page), Span("  "), Span(label, "dim")]
    return [tuple(spans), (Span("  "), Span(axis(end, width, page.glyphs.tick), "dim"))]


def buckets(points: Sequence[Point], end: int, width: int) -> list[int]:
    """The largest size in each of `width` equal spans of time; a span without a look at the
    process holds what was seen last."""
    largest: list[int | None] = [None] * width
    for point in points:
        index = min(max(point.at, 0) * width // end, width - 1)
        largest[index] = max(largest[index] or 0, point.size)
    last = points[0].size
    result = []
    for value in largest:
        last = last if value is None else value
        result.append(last)
    return result


def axis(end: int, width: int, tick: str) -> str:
    """Labels under the moments that they name; the end's own label ends the line."""
    step = _step(end, width)
    last = units.duration(end) + tick
    line = ""
    for number in range(width):
        seconds = number * step
        column = int(seconds * _NS_PER_S * width / end)
        label = tick + _label(seconds, step)
        if column + len(label) > width - len(last) - 1:
            break
        if not line or column > len(line):
            line = line.ljust(column) + label
    return line + last.rjust(width - len(line))


def _step(end: int, width: int) -> float:
    most = max(width // _CELLS_PER_TICK, 1)
    fitting = (step for step in _TICKS if end / _NS_PER_S / step <= most)
    return next(fitting, _TICKS[-1])


def _label(seconds: float, step: float) -> str:
    if seconds == 0:
        return "0"
    if step < 1 and seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if step < 60:
        return f"{seconds:.10g} s" if seconds < 120 else units.duration(int(seconds * _NS_PER_S))
    if step < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if step < 86400 else f"{seconds / 86400:.0f} d"


def _curve(heights: list[int], top: int, page: Page) -> list[Span]:
    steps = page.glyphs.steps
    marks = [steps[min(height * len(steps) // (top + 1), len(steps) - 1)] for height in heights]
    at = heights.index(top)
    return [
        Span("".join(marks[:at]), "bar"),
        Span(marks[at], "peak"),
        Span("".join(marks[at + 1 :]), "bar"),
    ]
