# SPDX-License-Identifier: Apache-2.0
"""One scenario in one process: job.py SCENARIO SCALE ADDRESS_FILE. Driven by bench/memory/run.py.

At each mark it writes the mark's name to stdout and waits for a line on stdin, so that its memory
can be looked at from outside while it stands still. Addresses of the scenario's objects go to a
file, as pairs of 64-bit numbers (start, bytes), the peak's first, then those that stayed.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import time
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.common.agent import load_agent
from bench.memory import scenarios

IDLE_SECONDS = 1.0
ACTIVITY_SECONDS = 0.3

RANGE = struct.Struct("=QQ")
LIST_ITEMS_OFFSET = 24  # of PyListObject.ob_item
DICT_KEYS_OFFSET = 32  # of PyDictObject.ma_keys
EMPTY_LIST_BYTES = sys.getsizeof([])
EMPTY_DICT_BYTES = sys.getsizeof({})
GC_FLAG = 1 << 14  # Py_TPFLAGS_HAVE_GC
GC_HEADER_BYTES = 16


class RangeWriter:
    """Writes (address, bytes) pairs with a buffer of its own, so that the heap stays as it is."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._buffer = bytearray(4096 * RANGE.size)
        self._used = 0

    def add(self, start: int, count: int) -> None:
        RANGE.pack_into(self._buffer, self._used, start, count)
        self._used += RANGE.size
        if self._used == len(self._buffer):
            self.flush()

    def flush(self) -> None:
        os.write(self._file, memoryview(self._buffer)[: self._used])
        self._used = 0

    def add_objects(self, objects: Iterable[object]) -> int:
        """The number of ranges written."""
        count = 0
        for value in objects:
            if isinstance(value, int) and -5 <= value <= 256:
                continue  # not in the heap
            count += self._add_object(value)
        self.flush()
        return count

    def _add_object(self, value: object) -> int:
        address = id(value)
        size = sys.getsizeof(value)
        if type(value).__flags__ & GC_FLAG:
            address -= GC_HEADER_BYTES
        table = 0
        if isinstance(value, list):
            size, table = split(size, EMPTY_LIST_BYTES)
            self._add_table(id(value) + LIST_ITEMS_OFFSET, table)
        elif isinstance(value, dict):
            size, table = split(size, EMPTY_DICT_BYTES)
            self._add_table(id(value) + DICT_KEYS_OFFSET, table)
        self.add(address, size)
        return 2 if table else 1

    def _add_table(self, pointer: int, size: int) -> None:
        if size:
            self.add(ctypes.c_uint64.from_address(pointer).value, size)


def split(size: int, least: int) -> tuple[int, int]:
    return least, size - least


def mark(name: str) -> None:
    os.write(1, f"{name}\n".encode())
    os.read(0, 1)


def heap_figures() -> dict[str, int | float] | None:
    """What Hoopsnake's agent says about its heap, and what it could still have given back."""
    agent = load_agent()
    return agent.stats() | {"left_to_trim": agent.trim()} if agent else None


def light_activity() -> None:
    """A process that is not quite idle: some allocators give back only when they are called."""
    end = time.monotonic() + ACTIVITY_SECONDS
    while time.monotonic() < end:
        for _ in range(200):
            _ = [object()] * 3
        time.sleep(0.002)


def main() -> None:
    name, scale, addresses = sys.argv[1], float(sys.argv[2]), sys.argv[3]
    writer = RangeWriter(addresses)
    scenario = scenarios.make(name, scale)
    # Whatever the looking itself loads and allocates is there before the base is taken.
    writer.add_objects([(0.5,), [0.5], {0.5: 0.5}])
    trim = ctypes.CDLL(None).malloc_trim if "HOOP_BENCH_MALLOC_TRIM" in os.environ else None
    mark("base")
    scenario.build()
    mark("peak")
    count = writer.add_objects(scenario.live())
    mark("recorded")
    scenario.drop()
    if trim:
        trim(0)
    mark("dropped")
    time.sleep(IDLE_SECONDS)
    mark("after")
    light_activity()
    mark("active")
    figures = heap_figures()
    writer.add_objects(scenario.live())
    os.write(1, f"result {count} {figures!r}\n".encode())


if __name__ == "__main__":
    main()
