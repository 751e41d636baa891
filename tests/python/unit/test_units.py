# SPDX-License-Identifier: Apache-2.0
"""Numbers as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopsnake.report import units

MIB = 1 << 20


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (1000, "0.98 KiB"),
        (1536, "1.50 KiB"),
        (31 * MIB + MIB // 5, "31.2 MiB"),
        (412 * MIB, "412 MiB"),
        (1000 * MIB, "0.98 GiB"),
        (1 << 40, "1.00 TiB"),
        ((1 << 63) - 1, "8.00 EiB"),
        (-2048, "-2.00 KiB"),
    ],
)
def test_sizes_keep_three_digits(amount: int, text: str) -> None:
    assert units.size(amount) == text


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 s"),
        (310_000, "0.31 ms"),
        (1_200_000, "1.20 ms"),
        (312_000_000, "312 ms"),
        (999_900_000, "1.00 s"),
        (3_118_000_000, "3.12 s"),
        (61_000_000_000, "61.0 s"),
        (133_000_000_000, "2 min 13 s"),
        (3_599_600_000_000, "1 h 00 min"),
        (90_000_000_000_000, "1 d 1 h"),
    ],
)
def test_durations_change_units(nanoseconds: int, text: str) -> None:
    assert units.duration(nanoseconds) == text


def test_percent_tells_little_from_nothing() -> None:
    shown = [units.percent(part, 1000) for part in (0, 1, 6, 380, 1000)]
    assert shown == ["0%", "<1%", "1%", "38%", "100%"]
    assert units.percent(3, 0) == "-"


def test_block_sizes_are_exact() -> None:
    assert [units.block_size(size) for size in (16, 512, 1024, 32768, MIB, 1100)] == [
        "16 B",
        "512 B",
        "1 KiB",
        "32 KiB",
        "1 MiB",
        "1,100 B",
    ]


def test_a_scale_never_shows_something_as_nothing() -> None:
    scale = units.scale_for(300 * MIB)
    assert (scale.show(10), scale.show(0), scale.show(300 * MIB)) == ("<0.1", "0.0", "300.0")


@given(st.lists(st.integers(0, 1 << 40), min_size=1, max_size=12))
def test_parts_add_up_as_shown(amounts: list[int]) -> None:
    scale = units.scale_for(sum(amounts))
    parts = [float(text.replace(",", "")) for text in scale.show_parts(amounts)]
    total = float(scale.show_parts([sum(amounts)])[0].replace(",", ""))
    assert round(sum(parts), scale.decimals) == pytest.approx(total)
    for amount, part in zip(amounts, parts, strict=True):
        assert abs(part - amount / scale.divisor) <= 10**-scale.decimals * 1.000001


def test_parts_add_up_with_a_negative_one() -> None:
    scale = units.scale_for(10 * MIB)
    assert scale.show_parts([10 * MIB, -MIB // 2]) == ["10.0", "-0.5"]
