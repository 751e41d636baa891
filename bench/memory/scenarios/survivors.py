# SPDX-License-Identifier: Apache-2.0
"""Many small objects are made, nearly all are dropped: the rest is scattered or regular."""

from __future__ import annotations

import random
from collections.abc import Iterator

COUNT = 600_000


class Pairs:
    """Tuples that hold a float each; subclasses say which of them stay."""

    def __init__(self, scale: float) -> None:
        self._count = max(1000, round(COUNT * scale))
        self._pairs: list[tuple[float, ...] | None] = []

    def build(self) -> None:
        self._pairs = [(float(index),) for index in range(self._count)]

    def staying(self) -> set[int]:
        raise NotImplementedError

    def drop(self) -> None:
        staying = self.staying()
        for index in range(self._count):
            if index not in staying:
                self._pairs[index] = None

    def live(self) -> Iterator[object]:
        for pair in self._pairs:
            if pair is not None:
                yield pair
                yield pair[0]


class Random(Pairs):
    """One in a thousand stays, chosen at random."""

    def staying(self) -> set[int]:
        return set(random.Random(1).sample(range(self._count), self._count // 1000))


class RandomMany(Pairs):
    """One in a hundred stays, chosen at random."""

    def staying(self) -> set[int]:
        return set(random.Random(1).sample(range(self._count), self._count // 100))


class Clustered(Pairs):
    """One in a hundred stays: ten runs of neighbours."""

    def staying(self) -> set[int]:
        run = self._count // 1000
        starts = range(0, self._count - run, self._count // 10)
        return {index for start in starts for index in range(start, start + run)}


class Periodic:
    """Blocks of 96 bytes, every hundredth stays."""

    def __init__(self, scale: float) -> None:
        self._count = max(1000, round(COUNT * scale))
        self._blocks: list[bytes] = []

    def build(self) -> None:
        self._blocks = [b"%056d" % index for index in range(self._count)]

    def drop(self) -> None:
        self._blocks = self._blocks[::100]

    def live(self) -> Iterator[object]:
        yield from self._blocks
