# SPDX-License-Identifier: Apache-2.0
"""Numbers as people read them. Sizes use binary units throughout: 1 MiB is 1,048,576 bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_STEP = 1024
_SIZE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def three_digits(value: float) -> str:
    """About three significant digits, never an exponent: 3.12, 31.2, 312, 3,120."""
    if abs(value) < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if abs(value) < 99.95 else f"{value:,.0f}"


def size(amount: int) -> str:
    """412 MiB, 3.12 GiB, 96 B."""
    value, unit = float(amount), 0
    while abs(value) >= 999.5 and unit < len(_SIZE_UNITS) - 1:
        value /= _STEP
        unit += 1
    return f"{three_digits(value) if unit else amount} {_SIZE_UNITS[unit]}"


def block_size(amount: int) -> str:
    """The size of a block, exact: 512 B, 32 KiB, 1 MiB."""
    unit = 0
    while amount >= _STEP and amount % _STEP == 0 and unit < len(_SIZE_UNITS) - 1:
        amount //= _STEP
        unit += 1
    return f"{amount:,} {_SIZE_UNITS[unit]}"


def duration(nanoseconds: int) -> str:
    """0.31 ms, 312 ms, 3.12 s, 2 min 13 s, 1 h 02 min, 3 d 4 h."""
    if nanoseconds == 0:
        return "0 s"
    if nanoseconds < 999.5 * _NS_PER_MS:
        return f"{three_digits(nanoseconds / _NS_PER_MS)} ms"
    seconds = nanoseconds / _NS_PER_S
    if seconds < 99.95:
        return f"{three_digits(seconds)} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"
    return f"{whole // _DAY:,} d {whole % _DAY // _HOUR} h"


def percent(part: int, whole: int) -> str:
    """38%; <1% for a little; a dash where there is no whole."""
    if whole <= 0:
        return "-"
    value = 100 * part / whole
    if part and abs(value) < 0.5:
        return "<1%"
    return f"{value:.0f}%"


def plural(number: int, noun: str, nouns: str | None = None) -> str:
    """`1 block`, `2 blocks`."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


class Scale(NamedTuple):
    """One unit for a whole column of sizes, so that figures can be compared at a glance."""

    name: str
    divisor: int
    decimals: int

    def show(self, amount: int) -> str:
        text = f"{amount / self.divisor:,.{self.decimals}f}"
        too_little = amount > 0 and not text.strip("0.")
        return f"<{10**-self.decimals:.{self.decimals}f}" if too_little else text

    def show_parts(self, amounts: Sequence[int]) -> list[str]:
        """Figures that add up, as shown, to what their sum is shown as.

        Each is rounded down, and those that lost most get the last digit that is missing.
        """
        steps = 10**self.decimals
        floors = [amount * steps // self.divisor for amount in amounts]
        missing = round(sum(amounts) * steps / self.divisor) - sum(floors)
        losses = [amount * steps % self.divisor for amount in amounts]
        by_loss = sorted(range(len(amounts)), key=lambda index: -losses[index])
        for index in by_loss[: max(missing, 0)]:
            floors[index] += 1
        return [f"{floor / steps:,.{self.decimals}f}" for floor in floors]


def scale_for(largest: int) -> Scale:
    """The scale of a column whose largest figure this is."""
    if largest < 1 << 20:
        return Scale("KiB", 1 << 10, 1)
    if largest < 10 << 30:
        return Scale("MiB", 1 << 20, 1)
    return Scale("GiB", 1 << 30, 2)
