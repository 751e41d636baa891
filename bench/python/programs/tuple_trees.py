# SPDX-License-Identifier: Apache-2.0
"""Allocation-heavy: binary trees of tuples, many that live shortly beside one that stays."""

from __future__ import annotations

from typing import Any

DEPTH = 16
TREES = 14


def make(depth: int) -> tuple[Any, ...]:
    if depth == 0:
        return (None, None)
    return (make(depth - 1), make(depth - 1))


def count(tree: tuple[Any, ...]) -> int:
    left, right = tree
    return 1 if left is None else 1 + count(left) + count(right)


def work(scale: float) -> object:
    kept = make(DEPTH + 1)
    total = 0
    for _ in range(max(1, round(TREES * scale))):
        total += count(make(DEPTH))
        for _ in range(1 << 4):
            total += count(make(DEPTH - 5))
    return total + count(kept)
