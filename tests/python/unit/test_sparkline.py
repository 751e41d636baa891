# SPDX-License-Identifier: Apache-2.0
"""The line of memory over time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hoopsnake.report import sparkline
from hoopsnake.report.sparkline import Point
from hoopsnake.report.text import ASCII, UNICODE, Page, cells, plain

S = 1_000_000_000


def test_a_bucket_holds_its_largest_size_and_gaps_the_last_seen() -> None:
    points = [Point(0, 5), Point(1, 9), Point(2, 3), Point(9, 4)]
    assert sparkline.buckets(points, 10, 5) == [9, 3, 3, 3, 4]


def test_the_highest_mark_is_the_peak() -> None:
    points = [Point(0, 1), Point(5 * S, 100), Point(10 * S, 50)]
    curve, _ = sparkline.draw(points, 10 * S, "peak", Page(60, UNICODE))
    peak = [span for span in curve if span.style == "peak"]
    assert [span.text for span in peak] == ["\u2588"]


def test_the_axis_names_round_moments_and_the_end() -> None:
    assert sparkline.axis(10 * S, 60, "'") == (
        "'0          '2 s        '4 s        '6 s        '8 s 10.0 s'"
    )


def test_nothing_is_drawn_from_one_look() -> None:
    assert sparkline.draw([Point(0, 5)], S, "peak", Page(60, ASCII)) == []
    assert sparkline.draw([Point(0, 0), Point(1, 0)], S, "peak", Page(60, ASCII)) == []


@given(
    st.lists(st.tuples(st.integers(0, 1 << 62), st.integers(0, 1 << 62)), min_size=2, max_size=50),
    st.integers(40, 120),
)
def test_any_curve_fits_the_page(raw: list[tuple[int, int]], width: int) -> None:
    points = sorted(Point(at, size) for at, size in raw)
    for line in sparkline.draw(points, points[-1].at, "peak 1 MiB", Page(width, UNICODE)):
        assert cells(plain(line)) <= width
