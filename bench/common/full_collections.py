# SPDX-License-Identifier: Apache-2.0
"""Inside a measured process: which full collections there were, whoever made them."""

from __future__ import annotations

import gc
import time
from typing import Any, Protocol

from bench.common.agent import load_collector

# "total": seconds that it took; "freed": objects; and what else the collector tells of it
Collection = dict[str, Any]


class Record(Protocol):
    """`new` lists the full collections since it was last called, or since the record was made."""

    def new(self) -> list[Collection]: ...


class StockRecord:
    """What hoopsnake.collections() is for ours: CPython's full collections."""

    def __init__(self) -> None:
        self._done: list[Collection] = []
        self._start = 0.0
        gc.callbacks.append(self._look)

    def _look(self, phase: str, info: dict[str, int]) -> None:
        if info["generation"] != 2:
            return
        if phase == "start":
            self._start = time.perf_counter()
        else:
            seconds = time.perf_counter() - self._start
            self._done.append({"total": seconds, "freed": info["collected"]})

    def new(self) -> list[Collection]:
        done, self._done = self._done, []
        return done


class HoopRecord:
    """Full collections since the last look; the list that it looks at may be of bounded length."""

    def __init__(self, hoopsnake: Any) -> None:
        self._collections = hoopsnake.collections
        self._last = self._newest()

    def new(self) -> list[Collection]:
        records = [self._figures(record) for record in self._collections()]
        fresh = records[records.index(self._last) + 1 :] if self._last in records else records
        self._last = records[-1] if records else None
        return [
            {
                **record,
                "total": record["search_seconds"] + record["judge_seconds"],
                "own_stop": record["pause_seconds"] + record["longest_judge_seconds"],
            }
            for record in fresh
        ]

    def _newest(self) -> Collection | None:
        records = self._collections()
        return self._figures(records[-1]) if records else None

    @staticmethod
    def _figures(record: Any) -> Collection:
        names = ("pause", "search", "judge", "longest_judge")
        figures = {f"{name}_seconds": getattr(record, f"{name}_seconds") for name in names}
        others = ("objects", "freed", "mode", "outcome", "reason")
        return figures | {name: getattr(record, name, None) for name in others}


def record_of_collections() -> Record:
    hoopsnake = load_collector()
    return HoopRecord(hoopsnake) if hoopsnake else StockRecord()
