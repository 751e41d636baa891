# SPDX-License-Identifier: Apache-2.0
"""A known program of objects of many kinds, and what other tools say of it: kinds.py OBJECTS

Builds it, says so in a line, and waits for one on stdin: a snapshot is taken then. After that it
asks the tools and prints what they say as JSON. Objects are named by their addresses.
"""

from __future__ import annotations

import array
import collections
import contextlib
import dataclasses
import decimal
import gc
import json
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

OBJECTS_OF_A_SET = 62  # about


class Attributes:
    def __init__(self, number: int) -> None:
        self.number = 10_000 + number
        self.name = f"attributes {number}"
        self.items = [f"item {number}", 20_000.5 + number]


class AskedFor(Attributes):
    """Its dict is there: from 3.11 on it comes when it is asked for, as the tools do."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        vars(self)


class Slots:
    __slots__ = ("left", "right")

    def __init__(self, left: object, right: object) -> None:
        self.left, self.right = left, right


class Node:
    """Knows its parent: a cycle."""

    def __init__(self, parent: Node | None) -> None:
        self.parent = parent
        self.children: list[Node] = []
        if parent:
            parent.children.append(self)
        vars(self)


@dataclasses.dataclass
class Record:
    key: str
    values: tuple[int, ...]

    def __post_init__(self) -> None:
        vars(self)


class Table(dict):  # type: ignore[type-arg]
    pass


class Rows(list):  # type: ignore[type-arg]
    pass


def tree(number: int) -> Node:
    root = Node(None)
    for _ in range(3):
        Node(Node(root))
    return root


def counter(number: int) -> Callable[[], int]:
    calls = [number + 30_000]
    return lambda: len(calls)


def suspended(number: int) -> Iterator[int]:
    def run() -> Iterator[int]:
        kept = [number + 40_000]
        yield len(kept)
        kept.clear()

    started = run()
    next(started)
    return started


def shared(number: int) -> list[list[int]]:
    both = [number + 50_000]
    return [both, both]


def local_list(suspended: Any) -> object:
    """Without making a frame where there is none (from 3.11 on)."""
    found = gc.get_referents(suspended)
    frames = [one for one in found if type(one).__name__ == "frame"]
    found += [one for frame in frames for one in gc.get_referents(frame)]
    return next(one for one in found if type(one) is list)


# What one object of each kind is, with all that hangs on it.
MAKERS: dict[str, Callable[[int], object]] = {
    "instance": AskedFor,
    "instance_without_a_dict": Attributes,
    "instance_with_slots": lambda n: Slots([n + 60_000], f"right {n}"),
    "tree_with_parents": tree,
    "dataclass": lambda n: Record(f"key {n}", (n + 70_000, n + 70_001)),
    "dict_of_text": lambda n: {f"key {n} {i}": n + 80_000 + i for i in range(4)},
    "dict_of_numbers": lambda n: {n + 90_000 + i: [i] for i in range(3)},
    "subclass_of_dict": lambda n: Table({f"row {n}": bytearray(50 + n % 50)}),
    "subclass_of_list": lambda n: Rows([f"rows {n}"]),
    "list_that_grew": lambda n: [f"grown {n} {i}" for i in range(7)],
    "tuple": lambda n: (f"first {n}", 1.5 + n),
    "set": lambda n: {f"member {n} {i}" for i in range(6)},
    "frozenset": lambda n: frozenset({f"frozen {n}", 100_000 + n}),
    "bytes": lambda n: bytes(200 + n % 100),
    "text_2_bytes_each": lambda n: f"\u2603 {n}",
    "text_4_bytes_each": lambda n: f"\U0001f40d {n}",
    "great_number": lambda n: 10**40 + n,
    "complex_decimal": lambda n: [complex(n, 1), decimal.Decimal(n) / 7],
    "deque": lambda n: collections.deque([f"deque {n}"], maxlen=9),
    "ordered_dict": lambda n: collections.OrderedDict({f"ordered {n}": [n]}),
    "defaultdict": lambda n: collections.defaultdict(list, {f"default {n}": [n]}),
    "array": lambda n: array.array("d", range(20)),
    "closure": counter,
    "generator": suspended,
    "exception": lambda n: ValueError(f"error {n}", n + 110_000),
    "shared_within": shared,
    "lock": lambda n: [threading.Lock()],
}

# What is looked up from outside: something within the object of a kind.
WITHIN: dict[str, Callable[[Any], object]] = {
    "instance": lambda one: one.items,
    "instance_with_slots": lambda one: one.left,
    "tree_with_parents": lambda one: one.children[2].children[0],
    "dataclass": lambda one: one.values,
    "dict_of_numbers": lambda one: next(iter(one.values())),
    "subclass_of_dict": lambda one: next(iter(one.values())),
    "list_that_grew": lambda one: one[3],
    "tuple": lambda one: one[1],
    "frozenset": lambda one: next(iter(one)),
    "deque": lambda one: one[0],
    "ordered_dict": lambda one: next(iter(one.values())),
    "closure": lambda one: one.__closure__[0].cell_contents,
    "generator": local_list,
    "exception": lambda one: one.args,
}

WORLD: dict[str, list[object]] = {}


def build(objects: int) -> None:
    for name, make in MAKERS.items():
        WORLD[name] = [make(number) for number in range(objects // OBJECTS_OF_A_SET // 2)]
    gc.collect()


# ---- the tools ----


def by_type(sets: Any) -> dict[str, tuple[int, int]]:
    """Of a set of guppy's: objects and bytes."""
    return {
        f"{part.kind.arg.__module__}.{part.kind.arg.__qualname__}": (part.count, part.size)
        for part in sets.bytype.parts
    }


def guppy3() -> dict[str, Any]:
    heapy = import_module("guppy").hpy()
    dominated = heapy.iso(WORLD).dominos
    return {
        "types": by_type(dominated),
        "dominated": {name: heapy.iso(made[0]).domisize for name, made in WORLD.items()},
        "all": heapy.iso(WORLD).domisize,
    }


def pympler() -> dict[str, Any]:
    """`align=1`: it rounds up to eights otherwise, and what an object takes is no multiple."""
    sizes = import_module("pympler.asizeof")
    deep = {name: sizes.asizeof(made[0], align=1) for name, made in WORLD.items()}
    return {"deep": deep}


def objgraph() -> dict[str, Any]:
    graph = import_module("objgraph")
    chains = {}
    for name, inner in WITHIN.items():
        chain = graph.find_backref_chain(inner(WORLD[name][-1]), graph.is_proper_module)
        chains[name] = [(id(one), type(one).__qualname__) for one in chain]
    return {"chains": chains}


def main() -> None:
    build(int(sys.argv[1]))
    first = {name: id(made[0]) for name, made in WORLD.items()}
    print(json.dumps({"world": id(WORLD), "first": first}), flush=True)
    sys.stdin.readline()
    said = {}
    for tool in (objgraph, guppy3, pympler):
        with contextlib.suppress(ImportError):  # it is left out
            said[tool.__name__] = tool()
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
