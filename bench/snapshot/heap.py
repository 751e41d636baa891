# SPDX-License-Identifier: Apache-2.0
"""A heap of rows, as programs keep them, and requests that read and change some."""

from __future__ import annotations

import gc
import random

OBJECTS_PER_ROW = 7
ROWS_A_REQUEST = 10


class Row:
    """The instance, its dict, two texts, two numbers, a list; and a reference to another row.

    The dict is assigned: what newer CPythons keep of attributes within an instance is no object.
    """

    related: Row | None

    def __init__(self, number: int, related: Row | None) -> None:
        self.__dict__ = {
            "number": 1_000 + number,
            "name": f"row {number}",
            "items": [1_000_000_000 + number, f"item of {number}"],
            "related": related,
        }


ROWS: list[Row] = []


def build(objects: int) -> None:
    """The collector is on when this returns."""
    choose = random.Random(3)
    gc.disable()
    for number in range(objects // OBJECTS_PER_ROW):
        ROWS.append(Row(number, ROWS[int(choose.random() * number)] if number else None))
    gc.enable()


class Requests:
    """Each reads rows here and there, which writes to their counts, and changes one of them."""

    def __init__(self) -> None:
        self._choose = random.Random(5)

    def serve(self) -> int:
        rows = [ROWS[int(self._choose.random() * len(ROWS))] for _ in range(ROWS_A_REQUEST)]
        vars(rows[0])["number"] = len(rows) + 1_000_000
        return sum(len(vars(row)["name"]) for row in rows)
