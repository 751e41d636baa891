# SPDX-License-Identifier: Apache-2.0
"""Points of a map, instances of a plain class. As advised."""

from bench.advise.measured import end, scaled


class Point:
    __slots__ = ("x", "y", "name")

    def __init__(self, x, y, name):
        self.x = x
        self.y = y
        self.name = name


POINTS = [Point(None, None, None) for _ in range(scaled(300_000))]
end()
