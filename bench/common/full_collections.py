# SPDX-License-Identifier: Apache-2.0
"""Inside a measured process: which full collections there were, whoever made them."""

from __future__ import annotations

import gc
import time
from dataclasses import asdict
from typing import Any, Protocol

from bench.common.agent import load_collector

# "total": seconds that it took; "freed": objects; and what else the collector tells of it
Collection = dict[str, Any]


class Record(Protocol):
    """`new` lists the full collections since it was last called, or since the record was made."""

    def new(self) -> list[Collection]: ...


class StockRecord:
    """What hoopsnake.collections() is for ours: CPython's full collections, whole stops."""

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
            figures = {"total": seconds, "freed": info["collected"], "own_stop": seconds}
            self._done.append(figures | {"mode": "CPython's", "reason": "CPython's own"})

    def new(self) -> list[Collection]:
        done, self._done = self._done, []
        return done


class HoopRecord:
    """`hoopsnake.collections()` lists the last few hundred, one that still goes on among them. And
    CPython's own, of which there should be none."""

    def __init__(self, hoopsnake: Any) -> None:
        self._stock = StockRecord()
        self._collections = hoopsnake.collections
        self._last = max((record.at for record in self._collections()), default=-1.0)

    def new(self) -> list[Collection]:
        records = self._collections()
        fresh = [r for r in records if r.at > self._last and r.outcome != "running"]
        self._last = max((record.at for record in fresh), default=self._last)
        return [self._figures(record) for record in fresh] + self._stock.new()

    @staticmethod
    def _figures(record: Any) -> Collection:
        return asdict(record) | {
            "total": record.search_seconds + record.judge_seconds,
            "own_stop": max(record.pause_seconds, record.longest_judge_seconds),
        }


def record_of_collections() -> Record:
    hoopsnake = load_collector()
    return HoopRecord(hoopsnake) if hoopsnake else StockRecord()
