# SPDX-License-Identifier: Apache-2.0
"""Rules in, advice out: the largest first, nothing counted twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hoopsnake.advise import (
    callables,
    columns,
    containers,
    instances,
    numbers,
    process,
    rows,
    sources,
    texts,
)
from hoopsnake.advise.heap import MIB, Heap
from hoopsnake.advise.model import Advice
from hoopsnake.heap.snapshot import Snapshot

Progress = Callable[[str, float], object]
Rule = Callable[[Heap], Iterable[Advice]]

RULES: tuple[tuple[str, Rule], ...] = (
    ("instances", instances.advice),
    ("dicts", rows.advice),
    ("equal values", texts.advice),
    ("containers", containers.advice),
    ("numbers", numbers.advice),
    ("columns", columns.advice),
    ("functions", callables.advice),
    ("sources", sources.advice),
    ("memory", process.advice),
)
_SMALLEST = 16 << 10


def advise(
    snapshot: Snapshot, *, small: bool = False, progress: Progress | None = None
) -> list[Advice]:
    """What would make this heap smaller, the largest saving first.

    `small`: savings of less than 1% and less than 1 MiB too, down to a tenth of that. `progress`
    is called with a few words and a share of 1.
    """
    limit = min(snapshot.size // 100, MIB)
    heap = Heap(snapshot, max(limit // 10 if small else limit, _SMALLEST))
    found: list[Advice] = []
    for number, (name, rule) in enumerate(RULES):
        if progress:
            progress(f"looking at {name}", number / len(RULES))
        found += rule(heap)
    return _count_once(heap, found)


def _count_once(heap: Heap, found: list[Advice]) -> list[Advice]:
    """Objects belong to the advice that saves most; others save the less, by their share."""
    claimed = bytearray(len(heap.snapshot))
    left: list[Advice] = []
    found.sort(key=lambda one: -one.saving)
    for one in found:
        if one.ids:
            before = len(one.ids) // 4
            fresh, _ = heap.core.claim(one.ids, claimed)
            if fresh < before:
                one.saving = one.saving * fresh // max(before, 1)
                one.evidence.append(
                    f"{before - fresh:,} of the objects are part of advice above, and are not "
                    "counted again"
                )
        if one.saving >= heap.least:
            left.append(one)
    left.sort(key=lambda one: (not one.is_heap, -one.saving))
    return left
