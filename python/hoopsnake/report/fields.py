# SPDX-License-Identifier: Apache-2.0
"""Typed reading of JSON that may hold anything: a wrong value is noted and read as its default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hoopsnake.report.model import Problem

# No figure of ours reaches this; arithmetic and printing stay safe below it.
_LARGEST = 1 << 63

# A garbled file can be wrong in a million places; the first few tell it all.
_MOST_PROBLEMS = 20


class Fields:
    """One JSON object, and where it stands. Problems go to the list that all share."""

    def __init__(self, data: Any, file: str, problems: list[Problem], path: str = "") -> None:
        self._data: dict[str, Any] = data if isinstance(data, dict) else {}
        self._file = file
        self._problems = problems
        self._path = path
        if not isinstance(data, dict):
            self._note("", "is not an object")

    def integer(self, key: str, *, signed: bool = False) -> int:
        value = self._data.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int):
            self._note(key, "is not an integer")
            return 0
        if not (-_LARGEST if signed else 0) <= value < _LARGEST:
            self._note(key, "is out of range")
            return 0
        return value

    def number(self, key: str) -> float:
        value = self._data.get(key, 0.0)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self._note(key, "is not a number")
            return 0.0
        if not -_LARGEST < value < _LARGEST:  # NaN fails this too
            self._note(key, "is out of range")
            return 0.0
        return float(value)

    def share(self, key: str) -> float:
        return min(max(self.number(key), 0.0), 1.0)

    def flag(self, key: str) -> bool:
        value = self._data.get(key, False)
        if not isinstance(value, bool):
            self._note(key, "is neither true nor false")
            return False
        return value

    def text(self, key: str) -> str | None:
        value = self._data.get(key)
        if value is not None and not isinstance(value, str):
            self._note(key, "is not a string")
            return None
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(item for item in self._list(key) if isinstance(item, str))

    def rows(self, key: str) -> Iterator[Fields]:
        for index, item in enumerate(self._list(key)):
            yield Fields(item, self._file, self._problems, f"{self._name(key)}[{index}]")

    def child(self, key: str) -> Fields | None:
        value = self._data.get(key)
        if value is None:
            return None
        return Fields(value, self._file, self._problems, self._name(key))

    def _list(self, key: str) -> list[Any]:
        value = self._data.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self._note(key, "is not a list")
            return []
        return value

    def _name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _note(self, key: str, message: str) -> None:
        place = self._name(key) if key else self._path or "the whole"
        if len(self._problems) < _MOST_PROBLEMS:
            self._problems.append(Problem(self._file, place, message))
