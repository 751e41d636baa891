# SPDX-License-Identifier: Apache-2.0
"""The sections of a report on one process: lists of lines, empty where there are no figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hoopsnake.report import sparkline, units
from hoopsnake.report.layout import (
    FIGURE,
    LABEL,
    Fact,
    fact_lines,
    first_two,
    of_wall,
    share_of,
    title,
    total_row,
)
from hoopsnake.report.model import FinalFile, Process, SizeClass
from hoopsnake.report.sentence import type_label
from hoopsnake.report.sparkline import Point
from hoopsnake.report.text import Bar, Column, Line, Page, Row, Span, clean, paragraph, table

TOP_TYPES = 12

_WHAT_IT_IS = {
    "objects and buffers in use": "Python objects and what they own",
    "free in the heap": "kept for the next objects",
    "heap metadata": "Hoopsnake's own tables",
    "libc heap in use": "malloc: libraries, big arrays",
    "libc heap free": "freed, but kept by malloc",
    "stacks": "one for each thread",
    "code and files": "interpreter, libraries, files",
    "other mappings": "taken by libraries directly",
    "not attributed": "what none of these explains",
}
_COUNTS_AGAIN = "counts again what was taken again"
# Upper ends of the ranges that block sizes are shown in.
_RANGES = (32, 64, 128, 256, 512, 1 << 10, 4 << 10, 32 << 10, 1 << 20)


def curve(process: Process, page: Page) -> list[Line]:
    """Resident memory over the life of the process."""
    if not process.samples:
        return []
    points = [Point(sample.at, sample.rss) for sample in process.samples]
    final = process.final
    if process.peak_at:
        points.append(Point(process.peak_at, process.peak_rss))
    if final and final.final_rss:
        points.append(Point(final.wall, final.final_rss))
    points.sort()
    end = max(process.wall, points[-1].at if points else 0)
    return sparkline.draw(points, end, f"peak {units.size(process.peak_rss)}", page)


def time_and_memory(process: Process, page: Page) -> list[Line]:
    """The figures that any process has."""
    final = process.final
    if final is None or not final.wall:
        return []
    cpu = units.duration(final.cpu_user + final.cpu_system)
    split = f"{units.duration(final.cpu_user)} program, {units.duration(final.cpu_system)} system"
    facts = [
        Fact("Wall clock", units.duration(final.wall)),
        Fact("Processor", cpu, split),
    ]
    if final.generations:
        collecting = sum(one.time for one in final.generations)
        facts.append(
            Fact("Garbage collections", units.duration(collecting), of_wall(collecting, final))
        )
    when = f"after {units.duration(process.peak_at)}" if process.peak_at else ""
    left = f"{units.percent(final.final_rss, process.peak_rss)} of the peak"
    facts += [
        Fact("Peak memory", units.size(process.peak_rss), when),
        Fact("Memory at the end", units.size(final.final_rss), left),
    ]
    return [title("Time and memory"), *fact_lines(facts, page)]


def account(process: Process, page: Page) -> list[Line]:
    """Where resident memory was at the end: parts that add up to it, as shown too."""
    final = process.final
    if final is None or not final.rss:
        return []
    total = sum(part.size for part in final.rss)
    scale = units.scale_for(total)
    figures = scale.show_parts([part.size for part in final.rss])
    rows: list[Row] = [
        [
            clean(part.what[:1].upper() + part.what[1:]),
            figure,
            units.percent(part.size, total),
            Span(_WHAT_IT_IS.get(part.what, ""), "dim"),
        ]
        for part, figure in zip(final.rss, figures, strict=True)
    ]
    rows.append(total_row("All resident memory", [scale.show_parts([total])[0], "100%"]))
    if total != final.final_rss:
        rows.append(["Difference to RSS", scale.show(final.final_rss - total)])
    columns = [*first_two("", scale.name), Column("share", right=True)]
    return [title("Where the memory was at the end"), *table(columns, rows, page)]


def heap(process: Process, page: Page) -> list[Line]:
    """The heap at the end."""
    final = process.final
    if final is None or final.heap is None or not final.active:
        return []
    figures = final.heap
    facts = [
        Fact("In use", units.size(figures.in_use), units.plural(figures.live_blocks, "live block"))
    ]
    if figures.direct:
        facts.append(Fact("  of it in big blocks", units.size(figures.direct), "over 1 MiB each"))
    facts += [
        Fact("Free, in memory", units.size(figures.free_resident), "ready for the next objects"),
        Fact("Free, given back", units.size(figures.free_returned), "addresses without memory"),
        Fact("Bookkeeping", units.size(figures.metadata), "the heap's own tables"),
        Fact("In huge pages", units.size(figures.huge_pages), "of 2 MiB each, quicker to reach"),
        Fact("Fragmentation", f"{figures.fragmentation:.0%}", "of its memory holds nothing live"),
    ]
    return [title("The heap at the end"), *fact_lines(facts, page)]


def given_back(process: Process, page: Page) -> list[Line]:
    """What the heap returned during the run, and what that cost."""
    final = process.final
    if final is None or final.heap is None or not final.active:
        return []
    figures = final.heap
    remark = _COUNTS_AGAIN if figures.returned_total else ""
    facts = [Fact("During the run", units.size(figures.returned_total), remark)]
    if figures.trim_time:
        cost = units.duration(figures.trim_time)
        facts.append(Fact("Time it took", cost, of_wall(figures.trim_time, final)))
    return [title("Given back to the system"), *fact_lines(facts, page)]


def last_seen(process: Process, page: Page) -> list[Line]:
    """What is known of a process without final figures."""
    if process.final or not process.samples:
        return []
    last = process.samples[-1]
    share = share_of(last.collection_time, last.at)
    facts = [
        Fact("Memory", units.size(last.rss), "all that the system counts"),
        Fact("Heap", units.size(last.heap_held), "live blocks, and free ones between them"),
        Fact("Given back so far", units.size(last.heap_returned), _COUNTS_AGAIN),
    ]
    if last.collections:
        runs = units.plural(last.collections, "run")
        time = units.duration(last.collection_time)
        facts.append(Fact("Garbage collections", time, f"{runs}, {share} of the wall clock"))
    return [
        title(f"When last seen, {units.duration(last.at)} after the start"),
        *fact_lines(facts, page),
    ]


def types(process: Process, page: Page) -> list[Line]:
    """Live blocks by Python type, and what the largest of them held at the peak."""
    final = process.final
    if final is None or not final.types:
        return []
    total = sum(figures.size for figures in final.types)
    at_peak = process.types_at_peak()
    scale = units.scale_for(max([final.types[0].size, *at_peak.values()]))
    rows: list[Row] = []
    for figures in final.types[:TOP_TYPES]:
        peak = scale.show(at_peak[figures.name]) if figures.name in at_peak else ""
        rows.append(
            [
                type_label(figures.name),
                f"{figures.count:,}",
                scale.show(figures.size),
                units.percent(figures.size, total),
                Span(peak, "dim"),
                Bar(figures.size / max(total, 1)),
            ]
        )
    rows += _more_types(final, scale, total)
    count = sum(figures.count for figures in final.types)
    rows.append(total_row("All types", [f"{count:,}", scale.show(total), "100%"]))
    lines = [
        title("Live objects by type, at the end"),
        *table(_type_columns(scale, bool(at_peak), page), rows, page),
    ]
    if at_peak:
        note = "At peak: estimated, for the largest types only."
        lines += paragraph(note, page, "dim", indent=2)
    return lines


def sizes(process: Process, page: Page) -> list[Line]:
    """Blocks grouped by size."""
    groups = _by_range(process.final.classes) if process.final else []
    if not groups:
        return []
    total = SizeRange(
        "All sizes",
        sum(one.live for one in groups),
        sum(one.live_bytes for one in groups),
        sum(one.free_bytes for one in groups),
    )
    scale = units.scale_for(max(total.live_bytes, total.free_bytes))
    rows: list[Row] = [
        [*_size_row(one, total, scale), Bar(one.live_bytes / max(total.live_bytes, 1))]
        for one in groups
    ]
    name, *figures = _size_row(total, total, scale)
    rows.append(total_row(name, figures))
    columns = [
        *first_two("", "blocks"),
        Column(scale.name, right=True),
        Column("share", right=True),
        Column(f"free {scale.name}", right=True),
    ]
    return [title("Blocks by size, at the end"), *table(columns, rows, page)]


class SizeRange(NamedTuple):
    """Sums over blocks of similar size."""

    name: str
    live: int
    live_bytes: int
    free_bytes: int


def _by_range(classes: Sequence[SizeClass]) -> list[SizeRange]:
    """The ranges that hold any block, smallest first."""
    ranges: dict[int, list[SizeClass]] = {}
    for row in classes:
        if row.live or row.free:
            ranges.setdefault(_range_index(row), []).append(row)
    return [
        SizeRange(
            _range_name(index),
            sum(row.live for row in rows),
            sum(row.live * row.size for row in rows),
            sum(row.free * row.size for row in rows),
        )
        for index, rows in sorted(ranges.items())
    ]


def _range_index(row: SizeClass) -> int:
    fitting = (index for index, end in enumerate(_RANGES) if row.size <= end)
    return next(fitting, len(_RANGES))


def _range_name(index: int) -> str:
    if index == len(_RANGES):
        return f"over {units.block_size(_RANGES[-1])}"
    return f"up to {units.block_size(_RANGES[index])}"


def _size_row(one: SizeRange, total: SizeRange, scale: units.Scale) -> list[str]:
    return [
        one.name,
        f"{one.live:,}",
        scale.show(one.live_bytes),
        units.percent(one.live_bytes, total.live_bytes),
        scale.show(one.free_bytes),
    ]


def _type_columns(scale: units.Scale, has_peak: bool, page: Page) -> list[Column]:
    return [
        Column("", flexible=True, least=LABEL, most=max(page.width - 56, LABEL)),
        Column("blocks", right=True, least=FIGURE),
        Column(scale.name, right=True),
        Column("share", right=True),
        Column("at peak" if has_peak else "", right=True),
    ]


def _more_types(final: FinalFile, scale: units.Scale, total: int) -> list[Row]:
    rest = final.types[TOP_TYPES:]
    if not rest:
        return []
    size = sum(figures.size for figures in rest)
    count = sum(figures.count for figures in rest)
    name = f"... {units.plural(len(rest), 'more type')}"
    return [[Span(name, "dim"), f"{count:,}", scale.show(size), units.percent(size, total)]]
