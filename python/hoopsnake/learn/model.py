# SPDX-License-Identifier: Apache-2.0
"""What is recorded of a run: steps, the objects that each step shows, and what became of them.

Objects have numbers, 1 and up in the order in which they were first seen; an address that is used
again gets a new number. `Life.to_json` is the documented format of `hoop learn --json`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

FORMAT = "hoopsnake.life"
VERSION = 1

Number = int

EventKind = Literal[
    "created",
    "bound",  # a name refers to it, that had no object before
    "rebound",  # a name that had another object
    "shared",  # one more name or container refers to an object that had one already
    "changed",  # what a container or an instance refers to
    "up",  # its count rose
    "down",
    "scope left",  # the names of a call went away
    "deleted",  # a name went away: `del`, or the end of an `except`
    "freed",  # by: "count", or the collection, as "generation 2"
    "kept",  # a name of it went, and something still refers to it: by
    "garbage",  # only a cycle refers to it now
    "collected",  # a collection was at work: by
    "finalized",  # __del__, or a finalizer of weakref, ran
    "resurrected",
    "weak cleared",
    "taken",  # memory of a size class; by: "object", "storage", "other" or "passing"
    "given back",
    "printed",
    "raised",
]
StepKind = Literal["line", "call", "return", "exception", "end"]
ScopeKind = Literal["module", "function", "class", "comprehension", "generator", "coroutine"]


@dataclass(frozen=True, slots=True)
class Thing:
    """An object for as long as it lives."""

    number: Number
    type: str  # as Python prints it, with the module where it is neither builtins nor __main__
    immortal: bool = False
    size: int = 0  # bytes, as sys.getsizeof, when it was first seen
    block: int = 0  # bytes of the block that holds it; 0: not in Hoopsnake's heap
    origin: str = ""  # "taken", "free list", "older" (than the program's first line), "static"


@dataclass(frozen=True, slots=True)
class Edge:
    """`label` as one would write it: `[0]`, `['key']`, `.name`, `(cell payload)`, `(local x)`.

    `to` is 0 where the object is not shown: past a limit.
    """

    label: str
    to: Number
    weak: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """An object at one step."""

    number: Number
    text: str  # its repr, bounded; for containers the type and the length
    count: int  # what sys.getrefcount(x) would print in the program at this point
    own: int  # references that the program itself has: without the call's and the instrument's
    tracked: bool  # by the cycle collector
    generation: int | None  # 0 to 2; None: not tracked, or not known
    edges: tuple[Edge, ...] = ()
    size: int = 0  # bytes, as sys.getsizeof
    garbage: bool = False  # only a cycle refers to it
    finalized: bool = False  # its finalizer was called


@dataclass(frozen=True, slots=True)
class Scope:
    """`names` in the order in which they were bound."""

    title: str  # "<module>", "visit", "Node.__init__"
    kind: ScopeKind
    names: dict[str, Number]
    thread: str = "MainThread"
    line: int = 0  # that it is at; 0: none yet
    number: int = 0  # the same for as long as the call lasts


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, with the sentence that tells it."""

    kind: EventKind
    text: str
    thing: Number | None = None
    name: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """The state after `line` ran, and what its run did. Scopes: innermost last.

    A line that calls is told when it is over; the call and its lines come before. `kind` "call":
    the arguments are bound, nothing ran yet. `title`: of the code that the line is in.
    """

    index: int
    kind: StepKind
    file: str
    line: int
    thread: str
    scopes: tuple[Scope, ...]
    states: tuple[State, ...]
    events: tuple[Event, ...]
    output: str = ""  # what it printed
    errors: str = ""  # what it wrote to stderr
    title: str = ""
    note: str = ""  # "resumed", "yield", "os._exit", "gone" (the interpreter itself has ended)


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    python: str  # "3.12.1"
    sources: dict[str, list[str]]  # file -> its lines; the program's own first
    arguments: tuple[str, ...] = ()


@dataclass(slots=True)
class Life:
    """A whole run. `stopped`: why it was cut short, as one sentence; empty where it was not."""

    program: Program
    things: dict[Number, Thing] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    stopped: str = ""
    exit_status: int = 0  # negative: of the signal that ended it
    rest: str = ""  # what it printed after the last step

    def to_json(self) -> dict[str, Any]:
        """The format of docs/format/life.md: of each step what differs from the one before."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "program": asdict(self.program),
            "things": [asdict(thing) for thing in self.things.values()],
            "steps": list(_changes(self.steps)),
            "stopped": self.stopped,
            "exit_status": self.exit_status,
            "rest": self.rest,
        }


def _changes(steps: list[Step]) -> Iterator[dict[str, Any]]:
    before: dict[Number, State] = {}
    for step in steps:
        now = {state.number: state for state in step.states}
        changed = [state for state in step.states if before.get(state.number) is not state]
        yield {
            "index": step.index,
            "kind": step.kind,
            "file": step.file,
            "line": step.line,
            "title": step.title,
            "thread": step.thread,
            "note": step.note,
            "scopes": [_fields(scope) for scope in step.scopes],
            "states": [_state(state) for state in changed],
            "gone": [number for number in before if number not in now],
            "events": [_fields(event) for event in step.events],
            "output": step.output,
            "errors": step.errors,
        }
        before = now


def _fields(one: Scope | Event) -> dict[str, Any]:
    """As asdict, without copies of what is in it."""
    return {name: getattr(one, name) for name in one.__slots__}


def _state(state: State) -> dict[str, Any]:
    return {
        "number": state.number,
        "text": state.text,
        "count": state.count,
        "own": state.own,
        "tracked": state.tracked,
        "generation": state.generation,
        "size": state.size,
        "garbage": state.garbage,
        "finalized": state.finalized,
        "edges": [[edge.label, edge.to, *(["weak"] if edge.weak else [])] for edge in state.edges],
    }
