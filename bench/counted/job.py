# SPDX-License-Identifier: Apache-2.0
"""The workloads of *_program.cpp in Python: job.py WORKLOAD SIZE prints figures as JSON."""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
import time
import weakref
from collections.abc import Callable
from typing import Any

Figures = tuple[dict[str, float], int]


class Node:
    __slots__ = ("a", "b", "next")

    def __init__(self, value: int) -> None:
        self.next: Any = None
        self.a = value
        self.b = 0


class TreeNode:
    __slots__ = ("i", "j", "left", "right")

    def __init__(self, left: TreeNode | None = None, right: TreeNode | None = None) -> None:
        self.left = left
        self.right = right
        self.i = 0
        self.j = 0


class Branch:
    __slots__ = ("children",)

    def __init__(self, children: list[Branch] | None) -> None:
        self.children = children


def timed(run: Callable[[], object]) -> float:
    start = time.process_time_ns()
    run()
    return time.process_time_ns() - start


def resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def pair(pairs: int) -> Figures:
    def run() -> int:
        total = 0
        for i in range(pairs):
            first = Node(i & 0xFF)
            first.next = Node(i & 0xFF)
            total += first.next.a
        return total

    checksum = run()
    return {"pair": timed(run) / (2 * pairs)}, checksum


def held(nodes: int) -> Figures:
    kept: list[Node | None] = [None] * nodes
    checksum = 0

    def make() -> None:
        for i in range(nodes):
            kept[i] = Node(i & 0xFF)

    def drop() -> None:
        for i in range(nodes):
            kept[i] = None

    def run() -> None:
        nonlocal checksum
        make()
        checksum = sum(node.a for node in kept if node is not None)
        drop()

    before = resident_bytes()
    make()
    size = resident_bytes() - before
    drop()
    return {"held": timed(run) / nodes, "bytes": size / nodes}, checksum


def make_cycles(cycles: int) -> int:
    total = 0
    for i in range(cycles):
        first = Node(i & 0xFF)
        first.next = Node(i & 0xFF)
        first.next.next = first
        total += first.next.a
    return total


def cycle(cycles: int) -> Figures:
    def run() -> int:
        checksum = make_cycles(cycles)
        gc.collect()
        return checksum

    checksum = run()
    return {"cycle": timed(run) / (2 * cycles)}, checksum


def linked_list(nodes: int) -> Figures:
    def run() -> int:
        head = None
        for i in range(nodes):
            node = Node(i & 0xFF)
            node.next = head
            head = node
        assert head is not None
        return head.a

    checksum = run()
    return {"list": timed(run) / nodes}, checksum


def make_branch(levels: int) -> Branch:
    return Branch([make_branch(levels - 1) for _ in range(16)] if levels > 0 else None)


def count(branch: Branch) -> int:
    return 1 + sum(map(count, branch.children or ()))


def tree(levels: int) -> Figures:
    def run() -> int:
        return count(make_branch(levels))

    checksum = run()
    return {"tree": timed(run) / checksum}, checksum


# ---- GCBench ----


def tree_size(depth: int) -> int:
    return (1 << (depth + 1)) - 1


def populate(node: TreeNode, depth: int) -> None:
    if depth > 0:
        node.left = TreeNode()
        node.right = TreeNode()
        populate(node.left, depth - 1)
        populate(node.right, depth - 1)


def make_tree(depth: int) -> TreeNode:
    if depth == 0:
        return TreeNode()
    return TreeNode(make_tree(depth - 1), make_tree(depth - 1))


def nodes_of(node: TreeNode) -> int:
    if node.left is None or node.right is None:
        return 1
    return 1 + nodes_of(node.left) + nodes_of(node.right)


def gcbench(max_depth: int) -> Figures:
    made = tree_size(max_depth + 2) + tree_size(max_depth)
    checksum = 0

    def run() -> None:
        nonlocal checksum, made
        make_tree(max_depth + 2)
        long_lived = TreeNode()
        populate(long_lived, max_depth)
        numbers = [0.0] * 500000
        for i in range(1, 250000):
            numbers[i] = 1.0 / i
        for depth in range(4, max_depth + 1, 2):
            times = 2 * tree_size(max_depth + 2) // tree_size(depth)
            for _ in range(times):
                top_down = TreeNode()
                populate(top_down, depth)
                del top_down
            for _ in range(times):
                make_tree(depth)
            made += 2 * times * tree_size(depth)
        checksum = nodes_of(long_lived) + int(1 / numbers[1000])

    taken = timed(run)
    return {"gcbench": taken / made}, checksum


# ---- a cache ----


class Observer:
    __slots__ = ("__weakref__", "seen")

    def __init__(self) -> None:
        self.seen = 0


class Entry:
    __slots__ = ("__weakref__", "observers", "value")

    def __init__(self, observers: list[weakref.ref[Observer]]) -> None:
        self.value = 0
        self.observers = observers


class Cache:
    NAMES = 20000
    CAPACITY = 5000

    def __init__(self) -> None:
        self.names = [f"object-{i}" for i in range(self.NAMES)]
        self.observers = [Observer() for _ in range(64)]
        self.index: dict[str, weakref.ref[Entry]] = {}
        self.ring: list[Entry | None] = [None] * self.CAPACITY
        self.next = 0
        self.evicted = 0

    def request(self, number: int) -> None:
        name = self.names[number]
        found = self.index.get(name)
        entry = self.make(name, number) if found is None else found()
        assert entry is not None
        entry.value += 1
        if entry.value % 4 == 0:
            for observer in entry.observers:
                alive = observer()
                if alive is not None:
                    alive.seen += entry.value

    def make(self, name: str, number: int) -> Entry:
        entry = Entry([weakref.ref(self.observers[(number + i) % 64]) for i in range(4)])

        def on_end(_: object) -> None:
            del self.index[name]
            self.evicted += 1

        self.index[name] = weakref.ref(entry, on_end)
        self.ring[self.next % self.CAPACITY] = entry
        self.next += 1
        return entry


def requests(size: int, names: int) -> list[int]:
    state = 1
    numbers = []
    for _ in range(2 * size):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        numbers.append((state >> 8) % names)
    return [numbers[2 * i] * numbers[2 * i + 1] // names for i in range(size)]


def run_cache(size: int) -> Figures:
    numbers = requests(size, Cache.NAMES)
    checksum = 0

    def run() -> None:
        nonlocal checksum
        cache = Cache()
        for number in numbers:
            cache.request(number)
        checksum = cache.evicted + sum(observer.seen for observer in cache.observers)
        cache.ring.clear()

    return {"cache": timed(run) / size}, checksum


# ---- collections amid many live objects ----


def live(nodes: int) -> Figures:
    kept: list[Node] = []
    for i in range(nodes):
        kept.append(Node(i & 0xFF))
        if i > 0:
            kept[i].next = kept[i * 7919 % i]
    gc.collect()
    gc.disable()
    figures = {}
    for name, generation in ("young", 0), ("full", 2):
        times = []
        for _ in range(5):
            make_cycles(1000)
            start = time.process_time_ns()
            gc.collect(generation)
            times.append(time.process_time_ns() - start)
        figures[name] = statistics.median(times)
    return figures, sum(node.a for node in kept)


WORKLOADS = {
    "pair": pair,
    "held": held,
    "cycle": cycle,
    "list": linked_list,
    "tree": tree,
    "gcbench": gcbench,
    "cache": run_cache,
    "live": live,
}


def main() -> None:
    name, size = sys.argv[1], int(sys.argv[2])
    if name not in WORKLOADS:
        print(json.dumps({"remark": "-"}))
        return
    figures, checksum = WORKLOADS[name](size)
    print(json.dumps({"figures": figures, "checksum": checksum}))


if __name__ == "__main__":
    main()
