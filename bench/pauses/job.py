# SPDX-License-Identifier: Apache-2.0
"""One measurement in one process, driven by bench/pauses/run.py.

job.py collect CONTAINERS BUILD COUNT        full collections asked for, on a heap that stands still
job.py requests CONTAINERS BUILD COUNT       full collections that requests bring about
job.py work CONTAINERS BUILD SECONDS [off]   requests a second, garbage none; off: no collections

Writes lines of JSON: "memory" while its memory is to be watched, "result" at the end.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.common.agent import load_collector
from bench.common.full_collections import Collection, Record, record_of_collections
from bench.pauses.heap import CYCLIC_EVERY, NEVER, Sessions, build, work

STEPS_PER_REQUEST = 1_000
OLD_SHARE = 0.25  # CPython collects all when so much has grown old since the last time
LONGEST_WAIT = 90.0  # seconds for one collection to come
FLOOR_SECONDS = 1.5
THRESHOLDS = gc.get_threshold()  # as this version begins
NEVER_FULL = 1 << 30  # middle collections before a full one


def memory(name: str) -> int:
    """VmHWM or VmRSS of this process, in bytes."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))


def say(kind: str, **figures: object) -> None:
    print(json.dumps({"kind": kind, **figures}), flush=True)


# ---- asked for ----


def asked_for(count: int) -> list[Collection]:
    """`stop` and `total` are the call: nothing else runs meanwhile."""
    hoopsnake = load_collector()
    collect: Callable[[], int] = hoopsnake.collect if hoopsnake else gc.collect
    sessions = Sessions(CYCLIC_EVERY)
    collections = []
    for _ in range(count):
        sessions.request(30 * STEPS_PER_REQUEST)
        start = time.perf_counter()
        freed = collect()
        seconds = time.perf_counter() - start
        collections.append({"stop": seconds, "total": seconds, "freed": freed})
    return collections


# ---- by themselves ----


def longest_gap(sessions: Sessions) -> float:
    sessions.take_longest_gap()
    end = time.perf_counter() + FLOOR_SECONDS
    while time.perf_counter() < end:
        sessions.request(STEPS_PER_REQUEST)
    return sessions.take_longest_gap().seconds


def floors(sessions: Sessions) -> dict[str, float]:
    """What stops the program anyway: the machine; and, with it, CPython's younger collections."""
    gc.disable()
    quiet = longest_gap(sessions)
    gc.enable()
    gc.collect()  # all that was built grows old, as in a program that has run for a while
    gc.set_threshold(*THRESHOLDS[:2], NEVER_FULL)
    young = longest_gap(sessions)
    gc.set_threshold(*THRESHOLDS)
    return {"floor": quiet, "young_floor": young}


def next_collection(sessions: Sessions, record: Record) -> Collection | None:
    end = time.perf_counter() + LONGEST_WAIT
    while time.perf_counter() < end:
        sessions.request(STEPS_PER_REQUEST)
        if fresh := record.new():
            gap = sessions.take_longest_gap()
            return {**fresh[-1], "stop": gap.seconds, "stop_running": gap.running}
    return None


def by_themselves(count: int) -> dict[str, object]:
    """`stop` is the longest gap in the program's own clock since the collection before."""
    sessions = Sessions(CYCLIC_EVERY)
    others = floors(sessions)
    record = record_of_collections()
    collections = []
    for _ in range(count):
        collection = next_collection(sessions, record)
        if collection is None:
            break
        collections.append(collection)
    say("memory")
    next_collection(sessions, record)
    return {"collections": collections, **others}


# ---- throughput ----


def throughput(containers: int, seconds: float) -> dict[str, object]:
    """Sessions come and go at such a pace that one full collection falls due within the time."""
    sessions = Sessions(NEVER)
    gc.set_threshold(*THRESHOLDS)
    gc_was_on = gc.isenabled()
    record = record_of_collections()
    # Half the steps make a session of three containers; some more than needed, to be sure.
    steps_a_second = 1.4 * OLD_SHARE * containers * 2 / 3 / seconds
    requests = steps = 0
    cpu_start = time.thread_time()
    start = now = time.perf_counter()
    while now < start + seconds:
        due = round((now - start) * steps_a_second)
        sessions.request(due - steps)
        steps = due
        work()
        requests += 1
        now = time.perf_counter()
    return {
        "requests_a_second": requests / (now - start),
        "requests_a_cpu_second": requests / (time.thread_time() - cpu_start),
        "longest_gap": sessions.take_longest_gap().seconds,
        "collections": record.new(),
        "collected_automatically": gc_was_on,
    }


def main() -> None:
    action, containers, how, amount, *words = sys.argv[1:]
    nodes = build(int(containers), how)
    figures: dict[str, object] = {}
    if action == "collect":
        figures["collections"] = asked_for(int(amount))
    elif action == "requests":
        figures |= by_themselves(int(amount))
    else:
        gc.collect()
        if words == ["off"]:
            gc.disable()
        figures |= throughput(int(containers), float(amount))
    figures |= {"nodes": len(nodes), "rss": memory("VmRSS"), "peak": memory("VmHWM")}
    say("result", **figures)
    os._exit(0)  # taking millions of objects apart is nobody's figure


if __name__ == "__main__":
    main()
