# SPDX-License-Identifier: Apache-2.0
"""Resident memory that no object has: free blocks of the heap, and what gives them back."""

from __future__ import annotations

from collections.abc import Iterator

from hoopsnake.advise.heap import MIB, Heap
from hoopsnake.advise.model import Advice
from hoopsnake.report import units

_SHARE = 0.2  # of resident memory
_LEAST = 8 * MIB


def advice(heap: Heap) -> Iterator[Advice]:
    memory = heap.snapshot.memory
    free, live = memory.get("heap: free", 0), memory.get("heap: live blocks", 0)
    resident = memory.get("resident", 0)
    if free < _LEAST or free < _SHARE * resident:
        return
    yield Advice(
        "fragmentation",
        f"{units.size(free)} of {units.size(resident)} resident are free blocks of the heap",
        free,
        0,
        "",
        "Whole pages of it go back by themselves within about a second of idleness, and at once "
        "with `hoopsnake.trim()`. What is left then is on pages that single objects pin: call "
        "`hoopsnake.epoch()` before what is thrown away later is made, and make what stays first, "
        "so that the two share no page.",
        "config = load_config()        # stays\nhoopsnake.epoch()             # from here on, "
        "pages of their own\nrows = parse(huge_file)       # goes again\ndel rows\n"
        "hoopsnake.trim()",
        now=free,
        is_heap=False,
        evidence=[
            f"{units.size(live)} are live; the figure is the most that can go: what is pinned is "
            "not known from the account"
        ],
    )
