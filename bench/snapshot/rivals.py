# SPDX-License-Identifier: Apache-2.0
"""What other tools take for the same heap, within the process: rivals.py NAME OBJECTS

or, for what reads a file: rivals.py midden-open FILE. Prints a list of (what was asked, seconds)
and the bytes by which the peak of the process grew, as JSON. The program stands still meanwhile.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.snapshot.heap import ROWS, build

# What is asked for, and what does it.
Steps = Iterator[tuple[str, Callable[[], object]]]


def guppy3(_: str) -> Steps:
    heapy = import_module("guppy").hpy()
    found: list[Any] = []
    yield "heap() by type", lambda: found.append(str(heapy.heap().bytype))
    yield "what one list dominates", lambda: found.append(heapy.iso(ROWS).domisize)


def objgraph(_: str) -> Steps:
    graph = import_module("objgraph")
    yield "counts by type", lambda: graph.most_common_types(10)
    row = ROWS[len(ROWS) // 2]
    yield "one chain to a module", lambda: graph.find_backref_chain(row, graph.is_proper_module)


def pympler(_: str) -> Steps:
    muppy, summary = import_module("pympler.muppy"), import_module("pympler.summary")
    yield "summary by type", lambda: summary.summarize(muppy.get_objects())


def midden_open(path: str) -> Steps:
    midden = import_module("midden_analysis")
    with tempfile.TemporaryDirectory(prefix="hoop-bench-") as folder:
        explorer = midden.HeapDumpExplorer(folder)

        def import_dump() -> None:
            with open(path, "rb") as lines:
                explorer.import_lines(lines, midden.EstimatorPrecision.Medium)

        yield "its dump imported", import_dump
        yield "sums by type", explorer.get_type_summaries


STEPS = {"guppy3": guppy3, "objgraph": objgraph, "pympler": pympler, "midden-open": midden_open}


def memory(name: str) -> int:
    """VmHWM or VmRSS of this process, in bytes."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))


def main() -> None:
    name, amount = sys.argv[1:]
    if amount.isdigit():
        build(int(amount))
    before, asked = memory("VmRSS:"), []
    for what, step in STEPS[name](amount):
        start = time.perf_counter()
        step()
        asked.append((what, time.perf_counter() - start))
    print(json.dumps({"asked": asked, "grew": memory("VmHWM:") - before}))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
