# SPDX-License-Identifier: Apache-2.0
"""A document is parsed, a summary of it is kept, the rest is dropped."""

from __future__ import annotations

import json
from collections.abc import Iterator

RECORDS = 90_000
KEEP_EVERY = 1_000


class ParseThenDrop:
    def __init__(self, scale: float) -> None:
        self._count = max(1000, round(RECORDS * scale))
        self._document: list[dict[str, object]] = []
        self._summary: list[dict[str, object]] = []

    def build(self) -> None:
        text = json.dumps(
            [
                {
                    "id": 1000 + index,
                    "name": f"record number {index}",
                    "score": index * 0.5,
                    "tags": [f"tag {index % 50}", f"group {index % 9}"],
                    "nested": {"left": 1000 + index, "right": [index * 0.25, f"leaf {index}"]},
                }
                for index in range(self._count)
            ]
        )
        self._document = json.loads(text)

    def drop(self) -> None:
        self._summary = self._document[::KEEP_EVERY]
        self._document = []

    def live(self) -> Iterator[object]:
        yield from walk(self._document or self._summary)


def walk(value: object) -> Iterator[object]:
    """The keys are shared by all records and stay: they are left out."""
    yield value
    if isinstance(value, list):
        for item in value:
            yield from walk(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from walk(item)
