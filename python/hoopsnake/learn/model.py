# SPDX-License-Identifier: Apache-2.0
"""What is recorded of a run: steps, the objects that each step shows, and what became of them.

Objects have numbers, 1 and up in the order in which they were first seen; an address that is used
again gets a new number. `Life.to_json` is the documented format of `hoop learn --json`.
"""

from __future__ import annotations

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
    "up",  # its count rose without a name: an argument, a container, a frame
    "down",
    "scope left",  # the names of a call went away
    "deleted",  # `del` of a name
    "freed",  # by: "count", or the number of the collection
    "kept",  # its names went, and something else still refers to it: by
    "garbage",  # only a cycle refers to it now
    "collected",  # found by a collection: by
    "finalized",  # __del__, or a finalizer of weakref, ran
    "resurrected",
    "weak cleared",
    "taken",  # memory of a size class
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
    type: str  # as Python prints it, with the module where it is not builtins
    immortal: bool = False
    size: int = 0  # bytes, as sys.getsizeof
    block: int = 0  # bytes of the size class that serves it; 0: not from Hoopsnake's heap


@dataclass(frozen=True, slots=True)
class Edge:
    """`label` as one would write it: `[0]`, `['key']`, `.name`, `(cell payload)`."""

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
    generation: int | None  # 0 to 2; 3: frozen; None: not tracked
    edges: tuple[Edge, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """`names` in the order in which they were bound."""

    title: str  # "module", "visit() line 12", "Thread-1: work()"
    kind: ScopeKind
    names: dict[str, Number]
    thread: str = "MainThread"


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
    """The state after `line` ran, and what its run did. Scopes: innermost last."""

    index: int
    kind: StepKind
    file: str
    line: int
    thread: str
    scopes: tuple[Scope, ...]
    states: tuple[State, ...]
    events: tuple[Event, ...]
    output: str = ""  # what it printed


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
    exit_status: int = 0

    def to_json(self) -> dict[str, Any]:
        """The format of docs/format/life.md."""
        whole = asdict(self)
        whole["things"] = [asdict(thing) for thing in self.things.values()]
        return {"format": FORMAT, "version": VERSION, **whole}
