# SPDX-License-Identifier: Apache-2.0
"""What the runs of bench/pauses come to: tables, and the goals beside what came out."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.common.figures import Spread, ratio, spread
from bench.common.pythons import Interpreter
from bench.common.table import markdown_table
from bench.pauses.heap import BUILDS

Run = dict[str, Any]
# case -> contestant -> one run a round
Results = dict[str, dict[str, list[Run]]]

GOAL_MILLIONS = 6
NOTHING = "-"


@dataclass(frozen=True)
class Case:
    interpreter: Interpreter
    millions: float
    build: str

    @property
    def name(self) -> str:
        return f"{self.interpreter.version}/{self.millions:g}M/{self.build}"

    @property
    def containers(self) -> int:
        return round(self.millions * 1e6)


# ---- figures ----


def last(runs: Sequence[Run], name: str) -> list[float]:
    """A figure of each run's last collection: the huge pages are in place, the caches warm."""
    return [
        run["collections"][-1][name]
        for run in runs
        if run["collections"] and name in run["collections"][-1]
    ]


def every(runs: Sequence[Run], name: str) -> list[float]:
    return [collection[name] for run in runs for collection in run["collections"]]


def stop_a_gigabyte(runs: Sequence[Run]) -> float | None:
    stops = last(runs, "stop")
    heap = statistics.median(run["rss"] for run in runs) / 1e9
    return statistics.median(stops) / heap if stops else None


def loss(runs: Sequence[Run], without: Sequence[Run], rate: str = "requests_a_second") -> Spread:
    """Per cent of that rate."""
    pairs = zip(runs, without, strict=True)
    return spread([100 * (1 - run[rate] / base[rate]) for run, base in pairs])


# ---- cells ----


def milliseconds(samples: Sequence[float]) -> str:
    return f"{1e3 * statistics.median(samples):.1f}" if samples else NOTHING


def with_spread(figures: Spread, digits: int) -> str:
    value, low, high = (f"{n:.{digits}f}" for n in (figures.value, figures.low, figures.high))
    return f"{value} ({low}..{high})"


def times(rivals: Sequence[float], ours: Sequence[float]) -> str:
    """How many times ours the rival's is, round by round."""
    if not ours or len(rivals) != len(ours):
        return NOTHING
    value = ratio(rivals, ours)
    return with_spread(value, 1 if value.value < 20 else 0)


# ---- tables ----


def stop_row(name: str, runs: Sequence[Run], stock: Sequence[Run]) -> list[str]:
    stops, totals, all_stops = last(runs, "stop"), last(runs, "total"), every(runs, "stop")
    peak, of_stock = (statistics.median(r["peak"] for r in part) for part in (runs, stock))
    a_gigabyte = stop_a_gigabyte(runs)
    return [
        name,
        milliseconds(stops),
        with_spread(spread([1e3 * stop for stop in all_stops]), 1) if all_stops else NOTHING,
        times(last(stock, "stop"), stops),
        milliseconds(last(runs, "stop_running")),
        milliseconds(last(runs, "own_stop")),
        f"{1e3 * a_gigabyte:.1f}" if a_gigabyte else NOTHING,
        milliseconds(totals),
        times(last(stock, "total"), totals),
        f"{peak / 2**20:.0f}",
        f"{peak / of_stock:.2f}",
    ]


STOP_COLUMNS = [
    "last stop, ms",
    "all stops, ms",
    "stock / it",
    "of it running",
    "by its record",
    "ms a GB",
    "collection, ms",
    "stock / it",
    "peak MiB",
    "of stock's",
]


def floor_note(runs: dict[str, list[Run]]) -> str | None:
    under_requests = [run for of_name in runs.values() for run in of_name if "floor" in run]
    if not under_requests:
        return None
    quiet, young = (
        milliseconds([run[name] for run in under_requests]) for name in ("floor", "young_floor")
    )
    return (
        f"Longest gap without any collection: {quiet} ms; with CPython's younger collections, "
        f"and no full one: {young} ms."
    )


def in_place_instead(runs: Sequence[Run]) -> str | None:
    """Of a contestant that is concurrent: why some of its collections were not."""
    others = [
        collection
        for run in runs
        for collection in run["collections"]
        if collection.get("mode") != "concurrent"
    ]
    if not others:
        return None
    reasons = ", ".join(sorted({str(collection["reason"]) for collection in others}))
    return f"{len(others)} of the concurrent collections were in place: {reasons}."


def stop_table(case: Case, runs: dict[str, list[Run]]) -> str:
    rows = [stop_row(name, of_name, runs["stock"]) for name, of_name in runs.items()]
    text = f"#### CPython {case.interpreter.version}, {case.millions:g} million containers, "
    text += f"{BUILDS[case.build]}\n\n" + markdown_table(["collector", *STOP_COLUMNS], rows)
    notes = [floor_note(runs), in_place_instead(runs.get("concurrent", []))]
    return "\n\n".join([text, *filter(None, notes)])


def work_row(name: str, runs: Sequence[Run], without: Sequence[Run] | None) -> list[str]:
    return [
        name,
        f"{statistics.median(run['requests_a_second'] for run in runs):.0f}",
        with_spread(loss(runs, without), 1) if without else NOTHING,
        with_spread(loss(runs, without, "requests_a_cpu_second"), 1) if without else NOTHING,
        f"{statistics.median(len(run['collections']) for run in runs):g}",
        milliseconds([run["longest_gap"] for run in runs]),
    ]


def work_table(case: str, runs: dict[str, list[Run]]) -> str:
    bases = {"stock": "stock-off", "concurrent": "hoop-off"}
    rows = [
        work_row(name, of_name, runs.get(bases.get(name, ""))) for name, of_name in runs.items()
    ]
    columns = ["requests/s", "loss, %", "of CPU, %", "full collections", "longest gap, ms"]
    header = ["no garbage", *columns]
    return f"#### Requests a second ({case})\n\n{markdown_table(header, rows)}"


def goal_lines(cases: Sequence[Case], stops: Results, work: Results) -> list[str]:
    """What was set out for, and what came out, where the goals speak of it."""
    lines = []
    for case in cases:
        runs = stops.get(case.name, {})
        stock = last(runs.get("stock", []), "stop")
        concurrent = runs.get("concurrent", [])
        if case.millions == GOAL_MILLIONS and concurrent:
            shorter = times(stock, last(concurrent, "stop"))
            lines.append(f"{case.name}: concurrent: stop {shorter} times shorter (goal: 100)")
        if case.millions == GOAL_MILLIONS and "in-place" in runs:
            faster = times(stock, last(runs["in-place"], "stop"))
            lines.append(f"{case.name}: in-place: {faster} times faster (goal: 4)")
        a_gigabyte = stop_a_gigabyte(concurrent) if concurrent else None
        if a_gigabyte:
            lines.append(f"{case.name}: concurrent: {1e3 * a_gigabyte:.1f} ms a GB (goal: 3)")
    for name, measured in work.items():
        if {"concurrent", "hoop-off"} <= set(measured):
            lost = loss(measured["concurrent"], measured["hoop-off"])
            lines.append(f"{name}: the program loses {with_spread(lost, 1)} % (goal: 5)")
    return lines
