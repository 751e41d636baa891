# SPDX-License-Identifier: Apache-2.0
"""A heap of containers that live, and what a program does beside it."""

from __future__ import annotations

import gc
import json
import random
import time
from dataclasses import dataclass

CONTAINERS_PER_NODE = 3
# So many that young collections make most of them old before they go.
MOST_SESSIONS = 20_000
CYCLIC_EVERY = 10
NEVER = 1 << 60


class Node:
    """Three containers: the instance, its dict, a list.

    The dict is assigned: what 3.13 keeps of attributes within an instance is no container.
    """

    link: object

    def __init__(self, number: int) -> None:
        self.__dict__ = {"number": number, "items": [number], "link": None}


BUILDS = {
    "on": "built with the collector on",
    "off": "built with the collector off",
    "shuffled": "built with the collector off, reached in another order than it lies in",
}


def build(containers: int, how: str) -> list[Node]:
    """The collector is on when this returns."""
    if how == "on":
        gc.enable()
    else:
        gc.disable()
    choose = random.Random(3)
    nodes = [Node(number) for number in range(containers // CONTAINERS_PER_NODE)]
    for node in nodes:
        node.link = nodes[int(choose.random() * len(nodes))]
    if how == "shuffled":
        # CPython's list of objects takes the order in which a collection reaches them, if what
        # refers to them is younger than they are.
        choose.shuffle(nodes)
        nodes = nodes[:]
    gc.enable()
    return nodes


@dataclass(frozen=True)
class Gap:
    """`running`: for so long of it, at least, the thread was on a core. The rest is the machine's:
    others wanted the core, or a page was waited for."""

    seconds: float = 0.0
    running: float = 0.0


def gap_at(now: float, seconds: float, base: tuple[float, float]) -> Gap:
    """A gap that has just ended; `base`: wall clock and the thread's CPU time some time before."""
    waited = (now - base[0]) - (time.thread_time() - base[1])
    return Gap(seconds, max(0.0, seconds - max(0.0, waited)))


class Sessions:
    """Sessions of three containers: their number rises to MOST_SESSIONS, falls to none, rises.

    They go one by one and by their counts, but for those that are a cycle: one of `cyclic_every`.
    A constant number would not do: as many die as are made, and CPython would not collect.
    """

    def __init__(self, cyclic_every: int) -> None:
        self._cyclic_every = cyclic_every
        self._open: list[Node] = []
        self._rising = True
        self._base: tuple[float, float] | None = None
        self._longest = Gap()

    def request(self, steps: int) -> None:
        """Looks at the clock after each step: a stop of this thread shows as a gap.

        So does one between two requests: the last look of one is the first of the next.
        """
        clock = time.perf_counter
        base = self._base or (clock(), time.thread_time())
        longest, last = self._longest.seconds, base[0]
        for _ in range(steps):
            self._step()
            now = clock()
            if now - last > longest:
                longest = now - last
                self._longest = gap_at(now, longest, base)
            last = now
        self._base = (last, time.thread_time())

    def _step(self) -> None:
        if not self._rising:
            self._open.pop()
            self._rising = not self._open
            return
        session = Node(len(self._open))
        if len(self._open) % self._cyclic_every == self._cyclic_every - 1:
            session.link = session
        self._open.append(session)
        self._rising = len(self._open) < MOST_SESSIONS

    def take_longest_gap(self) -> Gap:
        longest, self._longest, self._base = self._longest, Gap(), None
        return longest


RECORDS = json.dumps([{"id": 1000 + i, "name": f"name {i}", "tags": [i, "tag"]} for i in range(20)])


def work() -> int:
    """About half a millisecond of what services do; all of it dies at once and by its counts."""
    total = 0
    for _ in range(5):
        records = json.loads(RECORDS)
        records.sort(key=lambda record: str(record["name"]))
        total += len(json.dumps(records))
    return total
