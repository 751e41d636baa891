# SPDX-License-Identifier: Apache-2.0
"""Lines and tables."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hoopsnake.report.text import (
    ASCII,
    UNICODE,
    Bar,
    Column,
    Page,
    cells,
    clean,
    draw_bar,
    plain,
    shorten,
    table,
)

PAGE = Page(60, UNICODE)


def test_figures_stand_right_aligned_below_each_other() -> None:
    columns = [Column("name"), Column("count", right=True)]
    lines = [plain(line) for line in table(columns, [["dict", "12"], ["str", "1,234"]], PAGE)]
    assert lines == ["  name  count", "  dict     12", "  str   1,234"]


def test_only_the_flexible_column_is_cut() -> None:
    columns = [Column("program", flexible=True), Column("peak", right=True)]
    (_, line) = table(columns, [["x" * 100, "412 MiB"]], PAGE)
    assert cells(plain(line)) == PAGE.width
    assert plain(line).endswith("\u2026  412 MiB")


def test_a_table_without_headings_has_no_heading_line() -> None:
    assert len(table([Column("")], [["one"]], PAGE)) == 1


def test_a_bar_takes_the_room_that_is_left() -> None:
    columns = [Column("", least=40)]
    (full, half) = table(columns, [["a", Bar(1.0)], ["b", Bar(0.5)]], PAGE)
    assert cells(full[-1].text) == 16
    assert cells(half[-1].text) == 8


def test_a_bar_for_a_little_is_not_empty() -> None:
    assert draw_bar(0.0001, 10, PAGE).text == "\u258f"
    assert draw_bar(0.0, 10, PAGE).text == ""
    assert draw_bar(0.5, 10, Page(60, ASCII)).text == "#####"


def test_wide_characters_count_twice() -> None:
    assert cells("\u6f22\u5b57") == 4
    assert cells("e\u0301") == 1
    assert shorten("\u6f22\u5b57\u6f22\u5b57", 6, PAGE) == "\u6f22\u5b57\u2026"


def test_clean_text_has_nothing_that_a_terminal_obeys() -> None:
    assert clean("\x1b[31mred\a\n") == "\\x1b[31mred\\x07\\n"
    assert clean("caf\udce9") == "caf\\xe9"
    assert clean("na\u00efve") == "na\u00efve"


@given(st.text())
def test_clean_text_can_always_be_shown(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.isprintable()
    cleaned.encode("utf-8")


@given(st.text(max_size=40), st.integers(0, 30))
def test_shortened_text_fits(text: str, width: int) -> None:
    assert cells(shorten(clean(text), width, PAGE)) <= max(width, 0)
