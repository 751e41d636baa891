# SPDX-License-Identifier: Apache-2.0
"""The section on garbage collections: who did the full ones, what they found, what they stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hoopsnake.report import units
from hoopsnake.report.layout import Fact, fact_lines, first_two, share_of, title, total_row
from hoopsnake.report.model import Collector, CollectorFigures, Generation, PauseCount, Process
from hoopsnake.report.text import BLANK, Bar, Column, Line, Page, Row, clean, paragraph, table

_GENERATIONS = {0: "0 (youngest objects)", 1: "1 (older objects)", 2: "2 (all objects)"}
_WHO = {
    Collector.CONCURRENT: Fact("Full collections by", "Hoopsnake", "in a copy, beside the program"),
    Collector.IN_PLACE: Fact("Full collections by", "Hoopsnake", "in place: the program waits"),
    Collector.STOCK: Fact("Full collections by", "CPython", "as was asked for"),
    Collector.PASSIVE: Fact("Full collections by", "CPython"),
}
_WHY = {
    Collector.IN_PLACE: "Not in a copy",
    Collector.PASSIVE: "Hoopsnake's collector stayed out",
}
# Stops that nobody notices are one row: up to about a millisecond.
_SHORT = 1_000_000
_ENDLESS = 1 << 63


def collections(process: Process, page: Page) -> list[Line]:
    """What the searches for objects that only hold each other did and cost."""
    final = process.final
    if final is None:
        return []
    figures = final.collector
    parts = [
        _full_collections(figures, final.wall, page) if figures else [],
        _generations(final.generations, page),
        _stops(figures.pauses, page) if figures else [],
    ]
    first, *others = [part for part in parts if part] or [[]]
    if not first:
        return []
    lines = [title("Garbage collections (of objects that only hold each other)"), *first]
    for part in others:
        lines += [BLANK, *part]
    return lines


def _full_collections(figures: CollectorFigures, wall: int, page: Page) -> list[Line]:
    """Who does them, why not somebody else, and what came of them."""
    who = _WHO[figures.mode]
    ours = figures.mode in (Collector.CONCURRENT, Collector.IN_PLACE)
    if ours and not figures.collections:
        who = who._replace(remark="no full collection was needed")
    facts = [who, *_work(figures, wall)] if figures.collections else [who]
    lines = fact_lines(facts, page)
    if figures.reason or figures.mode is Collector.PASSIVE:
        reason = clean(figures.reason or "no reason was given")
        note = f"{_WHY.get(figures.mode, 'Collector')}: {reason}."
        lines += paragraph(note, page, "dim", indent=2)
    return lines


def _work(figures: CollectorFigures, wall: int) -> list[Fact]:
    ways = _listed([(figures.concurrent, "in a copy"), (figures.in_place, "in place")])
    facts = [Fact("How many", f"{figures.collections:,}", ways)]
    if figures.failed or figures.discarded:
        unused = figures.failed + figures.discarded
        facts.append(Fact("  of them without result", f"{unused:,}", _why_unused(figures)))
    stopped = figures.total_pause + figures.total_judging
    facts += [
        Fact(
            "Longest stop by them",
            units.duration(max(figures.longest_pause, figures.longest_judging)),
            f"in all {units.duration(stopped)}, {share_of(stopped, wall)} of the run",
        ),
        Fact("Time of the searches", units.duration(figures.total_search), _meanwhile(figures)),
        Fact("Objects searched", f"{figures.objects:,}", "the most in one search"),
        Fact("Objects found", f"{figures.candidates:,}", "that only held each other"),
    ]
    if figures.candidates:
        others = [
            (figures.died, "died before"),
            (figures.survived, "alive"),
            (figures.untracked, "untracked"),
        ]
        facts.append(Fact("Objects freed", f"{figures.freed:,}", _listed(others)))
    return facts


def _why_unused(figures: CollectorFigures) -> str:
    reasons = [
        one.reason
        for one in figures.recent
        if one.outcome in ("failed", "discarded") and one.reason
    ]
    return f"last: {clean(reasons[-1])}" if reasons else ""


def _meanwhile(figures: CollectorFigures) -> str:
    """What the program did during the searches."""
    if not figures.in_place:
        return "the program ran on meanwhile"
    return "partly beside the program" if figures.concurrent else "the program stood still"


def _listed(numbers: Sequence[tuple[int, str]]) -> str:
    """`2 in a copy, 1 in place`; what is none is left out."""
    return ", ".join(f"{number:,} {what}" for number, what in numbers if number)


def _generations(generations: Sequence[Generation], page: Page) -> list[Line]:
    """What CPython's own collector did."""
    if not any(one.collections for one in generations):
        return []
    total = Generation(
        number=-1,
        collections=sum(one.collections for one in generations),
        time=sum(one.time for one in generations),
        longest=max(one.longest for one in generations),
        collected=sum(one.collected for one in generations),
    )
    rows: list[Row] = [
        [_GENERATIONS.get(one.number, str(one.number)), *_generation_figures(one)]
        for one in generations
    ]
    rows.append(total_row("All", _generation_figures(total)))
    columns = [
        *first_two("generation", "runs"),
        Column("time", right=True),
        Column("longest", right=True),
        Column("objects freed", right=True),
    ]
    return table(columns, rows, page)


def _generation_figures(one: Generation) -> list[str]:
    return [
        f"{one.collections:,}",
        units.duration(one.time),
        units.duration(one.longest),
        f"{one.collected:,}",
    ]


class Stops(NamedTuple):
    """Stops of about one length: longer than `over`, at most `up_to`."""

    over: int
    up_to: int
    counts: tuple[int, int, int]


def _stops(pauses: Sequence[PauseCount], page: Page) -> list[Line]:
    """How often the program stood still for how long; a column for each kind that stopped it."""
    rows = _by_length(pauses)
    if len(rows) < 2:  # one bar tells nothing that the longest stops above do not
        return []
    total = sum(sum(row.counts) for row in rows)
    names = ("young", "full", "Hoopsnake")
    kinds = [kind for kind in range(len(names)) if any(row.counts[kind] for row in rows)]
    shown: list[Row] = [
        [
            _length(row),
            *(f"{row.counts[kind]:,}" if row.counts[kind] else "" for kind in kinds),
            Bar(sum(row.counts) / total),
        ]
        for row in rows
    ]
    first, *others = (names[kind] for kind in kinds)
    columns = [
        *first_two("stood still for", first),
        *(Column(name, right=True) for name in others),
    ]
    return table(columns, shown, page)


def _by_length(pauses: Sequence[PauseCount]) -> list[Stops]:
    """From the shortest stops that there were to the longest, those of no interest as one."""
    short = max((row.up_to for row in pauses if 0 < row.up_to <= _SHORT), default=_SHORT)
    counts: dict[int, tuple[int, int, int]] = {}
    for row in pauses:
        up_to = max(row.up_to or _ENDLESS, short)
        young, full, hoop = counts.get(up_to, (0, 0, 0))
        counts[up_to] = (young + row.young, full + row.full, hoop + row.hoop)
    bounds = sorted(counts)
    rows = [
        Stops(over, up_to, counts[up_to]) for over, up_to in zip([0, *bounds], bounds, strict=False)
    ]
    used = [index for index, row in enumerate(rows) if any(row.counts)]
    return rows[used[0] : used[-1] + 1] if used else []


def _length(row: Stops) -> str:
    if row.up_to == _ENDLESS:
        return f"over {units.duration(row.over)}"
    return f"up to {units.duration(row.up_to)}"
