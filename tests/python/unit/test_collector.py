# SPDX-License-Identifier: Apache-2.0
"""What the report says of garbage collections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import run_files
from run_files import MS, Json

from hoopsnake.report import collector
from hoopsnake.report.load import load_run
from hoopsnake.report.render import as_text
from hoopsnake.report.text import ASCII, Page

NO_RUNS = run_files.gc((0, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0))


def section(base: Path, figures: Json | None, *, width: int = 80, **changes: Any) -> list[str]:
    """The lines below the title, of a process in which CPython collected nothing by itself."""
    final = run_files.final_json(**({"gc": NO_RUNS} | changes), collector=figures)
    path = run_files.write_run(base / "run", None, {"4242.0.json": final})
    run = load_run(str(path), lambda pid, started: False)
    assert run is not None
    assert run.focus is not None
    assert not run.problems
    return as_text(collector.collections(run.focus, Page(width, ASCII))).splitlines()[1:]


def test_without_figures_of_a_collector_nothing_is_said_of_one(tmp_path: Path) -> None:
    assert section(tmp_path / "a", None) == []
    assert section(tmp_path / "b", run_files.collector(mode="of tomorrow")) == []
    lines = section(tmp_path / "c", None, gc=run_files.gc((3, 2 * MS, MS, 0)))
    assert [line.split()[0] for line in lines] == ["generation", "0", "All"]


def test_a_collector_without_work_is_one_line(tmp_path: Path) -> None:
    assert section(tmp_path / "a", run_files.collector()) == [
        "  Full collections by         Hoopsnake  no full collection was needed"
    ]
    assert section(tmp_path / "b", run_files.collector(mode="stock")) == [
        "  Full collections by           CPython  as was asked for"
    ]


def test_who_collects_is_followed_by_why_nobody_else_does(tmp_path: Path) -> None:
    passive = run_files.collector(mode="passive", reason="this CPython 3.14.7 is not known yet")
    assert section(tmp_path / "a", passive) == [
        "  Full collections by           CPython",
        "  Hoopsnake's collector stayed out: this CPython 3.14.7 is not known yet.",
    ]
    assert section(tmp_path / "b", run_files.collector(mode="passive"))[1:] == [
        "  Hoopsnake's collector stayed out: no reason was given."
    ]
    in_place = run_files.collector(mode="inplace", reason="this process may not fork")
    assert section(tmp_path / "c", in_place) == [
        "  Full collections by         Hoopsnake  no full collection was needed",
        "  Not in a copy: this process may not fork.",
    ]


def test_a_search_in_place_is_a_stop(tmp_path: Path) -> None:
    figures = run_files.collector(
        mode="inplace",
        collections=2,
        inplace=2,
        objects=50_000,
        longest_pause_ns=4 * MS,
        total_pause_ns=7 * MS,
        total_search_ns=7 * MS,
    )
    assert section(tmp_path, figures) == [
        "  Full collections by         Hoopsnake  in place: the program waits",
        "  How many                            2  2 in place",
        "  Longest stop by them          4.00 ms  in all 7.00 ms, 8.3% of the run",
        "  Time of the searches          7.00 ms  the program stood still",
        "  Objects searched               50,000  the most in one search",
        "  Objects found                       0  that only held each other",
    ]


def test_a_search_beside_the_program_is_told_from_its_stops(tmp_path: Path) -> None:
    figures = run_files.collector(
        collections=1,
        concurrent=1,
        objects=50_000,
        candidates=900,
        freed=900,
        longest_pause_ns=MS,
        longest_judge_ns=2 * MS,
        total_pause_ns=MS,
        total_judge_ns=2 * MS,
        total_search_ns=70 * MS,
    )
    lines = section(tmp_path, figures)
    assert lines[2:4] == [
        "  Longest stop by them          2.00 ms  in all 3.00 ms, 3.6% of the run",
        "  Time of the searches          70.0 ms  the program ran on meanwhile",
    ]
    assert lines[-1] == "  Objects freed                     900"


def test_failures_tell_their_last_reason(tmp_path: Path) -> None:
    recent = [
        run_files.collection(outcome="failed", reason="fork: out of\nmemory"),
        run_files.collection(mode="inplace", reason="no failure"),
    ]
    figures = run_files.collector(collections=2, concurrent=1, inplace=1, failed=1, recent=recent)
    lines = section(tmp_path, figures)
    assert lines[1:3] == [
        "  How many                            2  1 in a copy, 1 in place",
        "    of them without result            1  last: fork: out of\\nmemory",
    ]


def test_stops_have_a_column_for_each_kind_and_short_ones_one_row(tmp_path: Path) -> None:
    counts = {0: (5, 0, 0), 4: (3, 0, 0), 6: (1, 0, 0), 19: (0, 0, 1)}
    lines = section(tmp_path, run_files.collector(pauses=run_files.pauses(counts)))[2:]
    assert lines[0] == "  stood still for                 young  Hoopsnake"
    assert lines[1].split("  8  ")[1].strip() == "#" * 22
    assert lines[2] == "  up to 2.00 ms"
    assert lines[3] == "  up to 4.00 ms                       1             ###"
    assert lines[-1] == "  over 16.4 s                                    1  ###"
    assert len(lines) == 1 + 16


def test_a_single_row_of_stops_is_not_drawn(tmp_path: Path) -> None:
    short = run_files.pauses({0: (5, 0, 0), 3: (2, 0, 1)})
    assert len(section(tmp_path, run_files.collector(pauses=short))) == 1
