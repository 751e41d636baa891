# SPDX-License-Identifier: Apache-2.0
"""The order of measuring: A B C, B C A, C A B: what drifts with time, drifts for all."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def interleaved(contestants: Sequence[T], rounds: int) -> Iterator[T]:
    for index in range(rounds):
        first = index % len(contestants)
        yield from contestants[first:]
        yield from contestants[:first]


def say(text: str) -> None:
    """One line of progress."""
    print(text, file=sys.stderr, flush=True)
