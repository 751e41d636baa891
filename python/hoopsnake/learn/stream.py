# SPDX-License-Identifier: Apache-2.0
"""Reads the stream that the recorder in the program's process writes (src/cpython/life/stream.h).

It may end anywhere: a process that was killed leaves what it had recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from hoopsnake.learn.model import Edge, Number, ScopeKind, StepKind, Thing

_ORIGINS = {"c": "taken", "f": "free list", "o": "older", "s": "static"}
_PART = "\x1f"


@dataclass(slots=True)
class RawState:
    """An object as the stream has it. `own` is -1 where it is immortal."""

    size: int
    own: int
    tracked: bool
    generation: int
    garbage: bool
    finalized: bool
    text: str
    edges: tuple[Edge, ...]


@dataclass(slots=True)
class RawScope:
    title: str
    kind: ScopeKind
    thread: str
    names: dict[str, Number]


@dataclass(slots=True)
class Death:
    """`generation`: of the collection at work, -1: by its count. `memory`: b(ack), f(ree list),
    r(eused where it lay)."""

    number: Number
    generation: int
    memory: str
    finalized: bool
    size: int


@dataclass(slots=True)
class Flow:
    """Memory taken (+) or given back (-): of an object, or, with owner 0, of nothing shown."""

    sign: str
    owner: Number
    role: str
    count: int
    size: int


@dataclass(slots=True)
class RawStep:
    """What one step brings: only what changed, but for `scopes` (number, line)."""

    kind: StepKind = "line"
    file: str = ""
    line: int = 0
    thread: str = ""
    title: str = ""
    extra: str = ""
    limited: bool = False
    new: list[tuple[Thing, bool]] = field(default_factory=list)  # and whether born in this step
    changed: dict[Number, RawState] = field(default_factory=dict)
    gone: list[Number] = field(default_factory=list)
    scopes: list[tuple[int, int]] = field(default_factory=list)
    scope_changes: dict[int, RawScope] = field(default_factory=dict)
    deaths: list[Death] = field(default_factory=list)
    collections: list[tuple[int, int]] = field(default_factory=list)  # generation, collected
    flows: list[Flow] = field(default_factory=list)
    output: int = 0  # bytes so far
    errors: int = 0


class Reader:
    """Iterates over steps. `python` is known after the first; `ended`: "done", "steps" (the
    limit), "trace" (the program has a trace function of its own), or "": it was cut off."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._files: dict[str, str] = {}
        self.texts: dict[Number, str] = {}  # of objects that always look the same
        self.python = ""
        self.ended = ""

    def __iter__(self) -> Iterator[RawStep]:
        step = RawStep()
        lines = self._text.split("\n")
        lines.pop()  # what is behind the last end of line: nothing, or cut
        for line in lines:
            kind, *fields = line.split("\t")
            if kind == "E":
                self._end(step, fields)
                yield step
                step = RawStep()
            elif kind == "H":
                self.python = fields[1]
            elif kind == "F":
                self._files[fields[0]] = fields[1]
            elif kind == "X":
                self.ended = self.ended or fields[0]
            else:
                self._add(step, kind, fields)

    def _end(self, step: RawStep, fields: list[str]) -> None:
        kind, file, line, thread, title, extra, limited = fields
        step.kind = kind  # type: ignore[assignment]
        step.file = self._files.get(file, "")
        step.line = int(line)
        step.thread, step.title, step.extra = thread, title, extra
        step.limited = limited == "1"

    def _add(self, step: RawStep, kind: str, fields: list[str]) -> None:
        if kind == "O":
            step.changed[int(fields[0])] = _state(fields)
        elif kind == "S":
            step.scopes = [(int(number), int(line)) for number, line in map(_halves, fields)]
        elif kind == "N":
            step.scope_changes[int(fields[0])] = _scope(fields)
        elif kind == "T":
            step.new.append(self._thing(fields))
        elif kind == "R":
            step.gone += map(int, fields)
        elif kind == "D":
            number, generation, memory, finalized, size = fields
            step.deaths.append(
                Death(int(number), int(generation), memory, finalized == "1", int(size))
            )
        elif kind == "C":
            step.collections.append((int(fields[0]), int(fields[1])))
        elif kind == "M":
            sign, owner, role, count, size = fields
            step.flows.append(Flow(sign, int(owner), role, int(count), int(size)))
        elif kind == "P":
            step.output, step.errors = int(fields[0]), int(fields[1])

    def _thing(self, fields: list[str]) -> tuple[Thing, bool]:
        number, type_name, immortal, block, origin, text = fields
        self.texts[int(number)] = text
        thing = Thing(
            int(number), type_name, immortal == "1", 0, int(block), _ORIGINS.get(origin[0], "")
        )
        return thing, origin[0] == "f" or origin[1:] == "n"


def _halves(field: str) -> tuple[str, str]:
    first, _, second = field.partition(":")
    return first, second


def _scope(fields: list[str]) -> RawScope:
    _, title, kind, thread, *names = fields
    found = {}
    for one in names:
        name, _, number = one.rpartition(_PART)
        found[name] = int(number)
    return RawScope(title, kind, thread, found)  # type: ignore[arg-type]


def _state(fields: list[str]) -> RawState:
    _, size, own, tracked, generation, flags, text, *edges = [*fields, ""][: len(fields) + 1]
    if edges and edges[-1] == "":
        edges.pop()
    return RawState(
        int(size),
        int(own),
        tracked == "1",
        int(generation),
        "g" in flags,
        "z" in flags,
        text,
        tuple(map(_edge, edges)),
    )


def _edge(field: str) -> Edge:
    label, number, strength = field.split(_PART)
    return Edge(label, int(number), strength == "w")
