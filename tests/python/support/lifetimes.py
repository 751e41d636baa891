# SPDX-License-Identifier: Apache-2.0
"""Makes programs at random, and says by naive counting what each of their lines must free."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

PRELUDE = """\
import gc
class Node:
    pass
def hold(one):
    two = [one]
    return two
def drop(one):
    two = Node()
    two.x = two
    two.y = one
gc.disable()
"""
NAMES = ("a", "b", "c", "d", "e")
EMPTY = {"Node": "Node()", "list": "[]", "dict": "{}"}
KEYS = ("x", "y", "z")


@dataclass
class Thing:
    """`kind`: Node, list or dict. Items of a list have their places as keys."""

    number: int
    kind: str
    refs: dict[object, int] = field(default_factory=dict)


@dataclass
class Line:
    """What must be so when the line is over. `counts`: of all that live."""

    text: str
    by_count: set[int] = field(default_factory=set)
    by_collection: set[int] = field(default_factory=set)
    counts: dict[int, int] = field(default_factory=dict)
    garbage: set[int] = field(default_factory=set)


class Program:
    """A program of `length` lines behind the prelude, and what they do."""

    def __init__(self, seed: int, length: int) -> None:
        self._random = random.Random(seed)
        self._names: dict[str, int] = {}
        self._things: dict[int, Thing] = {}
        self._made = 0
        self.lines: list[Line] = []
        while len(self.lines) < length:
            self._add()

    @property
    def text(self) -> str:
        return PRELUDE + "".join(line.text + "\n" for line in self.lines)

    # --- the heap ---

    def _new(self, kind: str) -> Thing:
        self._made += 1
        thing = Thing(self._made, kind)
        self._things[thing.number] = thing
        return thing

    def _counts(self) -> Counter[int]:
        counts = Counter(self._names.values())
        for thing in self._things.values():
            counts.update(thing.refs.values())
        return counts

    def _reachable(self) -> set[int]:
        seen: set[int] = set()
        waiting = list(self._names.values())
        while waiting:
            number = waiting.pop()
            if number not in seen:
                seen.add(number)
                waiting += self._things[number].refs.values()
        return seen

    def _free_by_count(self) -> set[int]:
        freed: set[int] = set()
        while dead := [one for one in self._things if not self._counts()[one]]:
            for number in dead:
                del self._things[number]
            freed.update(dead)
        return freed

    # --- lines ---

    def _add(self) -> None:
        made = self._make()
        if made is None:
            return
        line = Line(made)
        line.by_count = self._free_by_count()
        if made == "gc.collect()":
            line.by_collection = set(self._things) - self._reachable()
            for number in line.by_collection:
                del self._things[number]
        line.counts = {number: self._counts()[number] for number in self._things}
        line.garbage = set(self._things) - self._reachable()
        self.lines.append(line)

    def _make(self) -> str | None:
        """Changes the heap; the line that does so. None: it cannot be done now."""
        choices = [self._create] * 5 + [self._share, self._let_go] * 2 + [self._change] * 6
        choices += [self._call, self._collect]
        return self._random.choice(choices)()

    def _name(self) -> str:
        return self._random.choice(NAMES)

    def _bound(self, *kinds: str) -> str | None:
        found = [name for name, to in self._names.items() if self._things[to].kind in kinds]
        return self._random.choice(sorted(found)) if found else None

    def _create(self) -> str:
        name = self._name()
        kind = self._random.choice(("Node", "list", "dict", "filled"))
        part = self._bound("Node", "list", "dict")
        if kind == "filled" and part:
            made, held = self._new("list"), self._names[part]
            made.refs = {0: held, 1: held}
            text = f"{name} = [{part}, {part}]"
        else:
            kind = kind if kind != "filled" else "dict"
            made = self._new(kind)
            text = f"{name} = {EMPTY[kind]}"
        self._names[name] = made.number
        return text

    def _share(self) -> str | None:
        source, name = self._bound("Node", "list", "dict"), self._name()
        if source is None:
            return None
        self._names[name] = self._names[source]
        return f"{name} = {source}"

    def _let_go(self) -> str | None:
        name = self._bound("Node", "list", "dict")
        if name is None:
            return None
        del self._names[name]
        return self._random.choice((f"del {name}", f"{name} = None"))

    def _change(self) -> str | None:
        name, other = self._bound("Node", "list", "dict"), self._bound("Node", "list", "dict")
        if name is None or other is None:
            return None
        thing = self._things[self._names[name]]
        if self._random.random() < 0.25 and thing.refs:
            return self._take_out(name, thing)
        if thing.kind == "list":
            thing.refs[len(thing.refs)] = self._names[other]
            return f"{name}.append({other})"
        key = self._random.choice(KEYS)
        thing.refs[key] = self._names[other]
        return f"{name}.{key} = {other}" if thing.kind == "Node" else f"{name}[{key!r}] = {other}"

    def _take_out(self, name: str, thing: Thing) -> str:
        if thing.kind == "list":
            if self._random.random() < 0.5:
                thing.refs.clear()
                return f"{name}.clear()"
            del thing.refs[len(thing.refs) - 1]
            return f"{name}.pop()"
        key = self._random.choice(sorted(map(str, thing.refs)))
        del thing.refs[key]
        return f"del {name}.{key}" if thing.kind == "Node" else f"del {name}[{key!r}]"

    def _call(self) -> str | None:
        part, name = self._bound("Node", "list", "dict"), self._name()
        if part is None:
            return None
        if self._random.random() < 0.5:
            made = self._new("list")
            made.refs = {0: self._names[part]}
            self._names[name] = made.number
            return f"{name} = hold({part})"
        made = self._new("Node")
        made.refs = {"x": made.number, "y": self._names[part]}
        return f"drop({part})"

    def _collect(self) -> str:
        return "gc.collect()"
