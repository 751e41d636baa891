# SPDX-License-Identifier: Apache-2.0
"""What the runs of bench/snapshot come to: tables, and the goals beside what came out."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.common.figures import spread
from bench.common.table import markdown_table

# One process: "snapshots" (one dict each, in order), and "pack", "open" of the last file.
Run = dict[str, Any]
# size in millions -> kind of process -> one run a round
Results = dict[float, dict[str, list[Run]]]
# tool -> what came out of it
RivalRuns = dict[str, Run]
# size in millions -> those of all tools
Rivals = dict[float, RivalRuns]

GOAL_PAUSE = 2.0  # ms a GB, in huge pages
GOAL_WRITTEN, GOAL_ANALYSED = 3.0, 2.0  # millions of objects a second
GOAL_BYTES = 100  # an object, in memory
GOAL_WHY = 1.0  # s


@dataclass(frozen=True)
class Kind:
    """How the process runs: under `hoop run`, in huge pages; asked for a snapshot or copied."""

    name: str
    prepared: bool
    huge: bool
    meaning: str


KINDS = (
    Kind("huge pages", True, True, "under `hoop run`, as it is"),
    Kind("4 KiB pages", True, False, "under `hoop run`, transparent huge pages off (prctl)"),
    Kind("unprepared", False, False, "CPython's own allocator, 4 KiB pages, `hoop snap --attach`"),
)


# ---- figures ----


def of_snapshot(runs: Sequence[Run], index: int, name: str) -> list[float]:
    return [run["snapshots"][index][name] for run in runs]


def a_gigabyte(runs: Sequence[Run], index: int) -> list[float]:
    """Pause in ms by a GB (10^9 bytes) of what the process had resident."""
    return [
        run["snapshots"][index]["pause_ns"] / 1e6 / (run["snapshots"][index]["rss"] / 1e9)
        for run in runs
    ]


def share_huge(runs: Sequence[Run], index: int) -> float:
    """Of resident memory, what is in huge pages when that snapshot is taken."""
    at = [run["snapshots"][index] for run in runs]
    share: float = statistics.median(snapshot["huge"] / snapshot["rss"] for snapshot in at)
    return share


def written(runs: Sequence[Run]) -> list[float]:
    """Millions of objects a second, all snapshots."""
    return [1e3 * s["objects"] / s["write_ns"] for run in runs for s in run["snapshots"]]


def opened(runs: Sequence[Run], file: str, figure: Callable[[Run], float]) -> list[float]:
    return [figure(run["open"][file]) for run in runs]


def analysed(runs: Sequence[Run], file: str = "packed") -> list[float]:
    """Millions of objects a second."""
    return opened(runs, file, lambda figures: figures["objects"] / figures["open"] / 1e6)


def bytes_an_object(runs: Sequence[Run], file: str = "packed") -> list[float]:
    return opened(runs, file, lambda figures: figures["peak"] / figures["objects"])


# ---- tables ----


def cell(samples: Sequence[float], digits: int, scale: float = 1.0) -> str:
    """Median, least and greatest."""
    figures = spread([scale * sample for sample in samples])
    value, low, high = (f"{n:.{digits}f}" for n in (figures.value, figures.low, figures.high))
    return f"{value} ({low}..{high})" if len(samples) > 1 else value


def pause_row(kind: str, millions: float, runs: Sequence[Run]) -> list[str]:
    last = len(runs[0]["snapshots"]) - 1
    return [
        f"{kind}, {millions:g} M",
        f"{statistics.median(of_snapshot(runs, last, 'rss')) / 1e9:.2f}",
        cell(of_snapshot(runs, 0, "pause_ns"), 1, 1e-6),
        cell(of_snapshot(runs, last, "pause_ns"), 1, 1e-6),
        cell(a_gigabyte(runs, 0), 1),
        cell(a_gigabyte(runs, last), 1),
        f"{share_huge(runs, 0):.0%}, {share_huge(runs, last):.0%}",
        cell(of_snapshot(runs, 0, "gap"), 1, 1e3),
        cell([snapshot["gap"] for run in runs for snapshot in run["snapshots"]], 1, 1e3),
    ]


def pause_table(results: Results) -> str:
    rows = [
        pause_row(kind.name, millions, of_kind[kind.name])
        for kind in KINDS
        for millions, of_kind in results.items()
        if kind.name in of_kind
    ]
    count = next(len(r["snapshots"]) for of in results.values() for rs in of.values() for r in rs)
    last = f"{count}th" if count > 3 else "last"
    columns = ["GB", "1st, ms", f"{last}, ms", "1st, ms/GB", f"{last}, ms/GB"]
    columns += ["huge then", "1st gap, ms", "all gaps, ms"]
    return markdown_table(["pause", *columns], rows)


def rest_note(results: Results) -> str:
    gaps = [
        snapshot["rest_gap"]
        for of_kind in results.values()
        for runs in of_kind.values()
        for run in runs
        for snapshot in run["snapshots"]
    ]
    return f"The longest gap in a second without a snapshot: {cell(gaps, 1, 1e3)} ms."


def attach_table(results: Results) -> str | None:
    rows = []
    for millions, of_kind in results.items():
        for run in [of_kind["unprepared"]] if "unprepared" in of_kind else []:
            all_of = [s for one in run for s in one["snapshots"]]
            names = ("stop_ns", "clone_ns", "reap_stop_ns")
            cells = [cell([s[name] for s in all_of], 2, 1e-6) for name in names]
            others = cell([s["stop_ns"] - s["clone_ns"] for s in all_of], 2, 1e-6)
            rows.append([f"{millions:g} M", cells[0], cells[1], others, cells[2]])
    columns = ["threads stopped, ms", "of it the clone, ms", "the rest, ms", "stop at the end, ms"]
    return markdown_table(["unprepared", *columns], rows) if rows else None


def file_row(name: str, runs: Sequence[Run]) -> list[str]:
    objects = of_snapshot(runs, -1, "objects")
    plain, packed = of_snapshot(runs, -1, "bytes"), [run["pack"]["bytes"] for run in runs]
    return [
        name,
        f"{statistics.median(objects):,.0f}",
        cell(of_snapshot(runs, -1, "write_ns"), 2, 1e-9),
        cell(written(runs), 1),
        f"{statistics.median(plain) / 1e6:.0f}",
        f"{statistics.median(plain) / statistics.median(objects):.1f}",
        f"{statistics.median(packed) / 1e6:.0f}",
        f"{statistics.median(packed) / statistics.median(objects):.1f}",
        cell([run["pack"]["seconds"] for run in runs], 2),
    ]


def file_table(results: Results) -> str:
    rows = [
        file_row(f"{kind}, {millions:g} M", runs)
        for millions, of_kind in results.items()
        for kind, runs in of_kind.items()
    ]
    columns = ["objects", "written in s", "M objects/s", "MB", "bytes/object"]
    columns += ["packed MB", "bytes/object", "packing, s"]
    return markdown_table(["file", *columns], rows)


def open_row(name: str, runs: Sequence[Run], file: str) -> list[str]:
    return [
        name,
        cell(opened(runs, file, lambda figures: figures["open"]), 2),
        cell(analysed(runs, file), 1),
        f"{statistics.median(opened(runs, file, lambda figures: figures['peak'])) / 1e6:.0f}",
        cell(bytes_an_object(runs, file), 0),
        f"{statistics.median(opened(runs, file, lambda f: f['kept'] / f['objects'])):.0f}",
        cell(opened(runs, file, lambda figures: figures["why"]), 3),
    ]


def open_table(results: Results) -> str:
    rows = [
        open_row(f"{file}, {millions:g} M", of_kind[KINDS[0].name], file)
        for millions, of_kind in results.items()
        if KINDS[0].name in of_kind
        for file in ("plain", "packed")
    ]
    columns = ["open and analyse, s", "M objects/s", "peak MB", "bytes/object", "kept", "why, s"]
    return markdown_table(["file", *columns], rows)


def rival_rows(millions: float, tool: str, run: Run) -> list[list[str]]:
    grew = f"{run['grew'] / 1e6:.0f}" if "grew" in run else "-"
    if "failure" in run:
        return [[f"{tool}, {millions:g} M", run["failure"], "-", "-"]]
    return [
        [f"{tool}, {millions:g} M", what, f"{seconds:.2f}", grew] for what, seconds in run["asked"]
    ]


def rival_table(rivals: Rivals) -> str | None:
    rows = [
        row
        for millions, tools in rivals.items()
        for tool, run in tools.items()
        for row in rival_rows(millions, tool, run)
    ]
    return markdown_table(["tool", "asked", "s", "grew by MB"], rows) if rows else None


def all_tables(version: str, results: Results, rivals: Rivals) -> str:
    meanings = "; ".join(f"*{kind.name}*: {kind.meaning}" for kind in KINDS)
    parts = [
        f"#### CPython {version}",
        f"{meanings}.",
        pause_table(results) if results else None,
        rest_note(results) if results else None,
        attach_table(results),
        file_table(results) if results else None,
        open_table(results) if results else None,
        rival_table(rivals),
    ]
    return "\n\n".join(part for part in parts if part)


# ---- goals ----


def goal_lines(results: Results) -> list[str]:
    """What was set out for, and what came out."""
    lines = []
    for millions, of_kind in results.items():
        runs = of_kind.get(KINDS[0].name)
        if not runs:
            continue
        pauses = [a_gigabyte(runs, index) for index in (0, -1)]
        whys = opened(runs, "packed", lambda figures: figures["why"])
        figures = [
            f"pause {cell(pauses[0], 1)}, then {cell(pauses[1], 1)} ms/GB (goal: {GOAL_PAUSE:g})",
            f"written {cell(written(runs), 1)} M objects/s (goal: {GOAL_WRITTEN:g})",
            f"analysed {cell(analysed(runs), 1)} M objects/s (goal: {GOAL_ANALYSED:g})",
            f"{cell(bytes_an_object(runs), 0)} bytes/object in memory (goal: {GOAL_BYTES})",
            f"why {cell(whys, 3)} s (goal: {GOAL_WHY:g})",
        ]
        lines += [f"{millions:g} M: {figure}" for figure in figures]
    return lines
