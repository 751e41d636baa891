# SPDX-License-Identifier: Apache-2.0
"""Control: integer and list arithmetic in place; an allocator has next to no part in it."""

from __future__ import annotations

SIZE = 9_000_000


def work(scale: float) -> object:
    size = max(1000, round(SIZE * scale))
    sieve = bytearray([1]) * size
    for number in range(2, int(size**0.5) + 1):
        if sieve[number]:
            for multiple in range(number * number, size, number):
                sieve[multiple] = 0
    return sum(sieve)
