# SPDX-License-Identifier: Apache-2.0
"""A table of dicts. As advised."""

from bench.advise.measured import end, scaled


class Row:
    __slots__ = ("id", "name", "city", "age")

    def __init__(self, id, name, city, age):  # noqa: A002
        self.id, self.name, self.city, self.age = id, name, city, age


ROWS = [Row(None, None, None, None) for _ in range(scaled(150_000))]
end()
