# SPDX-License-Identifier: Apache-2.0
"""What a snapshot is made of: objects that are looked up when they are asked, and plain rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from hoopsnake.heap.layouts import EdgeKind
from hoopsnake.report import units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hoopsnake.heap.snapshot import Snapshot

KINDS = tuple(kind.name.lower() for kind in EdgeKind)
ROOTS = ("", "listed", "immortal", "held by C code", "garbage")
_GENERATION_KNOWN = 64
_GENERATIONS = ("0", "1", "2", "frozen")


def kind_name(number: int) -> str:
    return KINDS[number] if number < len(KINDS) else f"kind {number}"


class HeapType(NamedTuple):
    """A type of the heap that the snapshot is of."""

    row: int
    name: str  # as in tracebacks: "app.models.Session", "dict"
    module: str
    qualname: str
    layout: int
    basic_size: int
    item_size: int
    made_at_run_time: bool
    address: int  # 0: a pseudo type
    base: int | None  # its row


@dataclass(frozen=True, slots=True)
class Total:
    """What a type, a module or a root has."""

    name: str
    count: int
    size: int
    retained: int


@dataclass(frozen=True, slots=True)
class Holder:
    """Objects that are held in the same way."""

    path: str  # any index and any key in it is [*]
    count: int
    size: int
    retained: int
    example: HeapObject


@dataclass(frozen=True, slots=True)
class Why:
    """Who holds objects. `paths`: of a single object, one through each that refers to it."""

    what: str
    count: int
    size: int
    retained: int
    holders: list[Holder]
    object: HeapObject | None
    paths: list[tuple[str, HeapObject]]


@dataclass(frozen=True, slots=True)
class CycleGroup:
    """Cycles of one kind."""

    cycle: str
    closing: str
    types: list[tuple[str, int]]  # of the largest
    count: int  # strongly connected components
    objects: int
    size: int
    retained: int
    largest: int  # objects of the largest
    held: int  # components that something outside holds; the others are garbage
    example: list[HeapObject]


@dataclass(frozen=True, slots=True)
class Change:
    """What appeared, and stayed."""

    count: int
    size: int
    types: list[Total]
    holders: list[Holder]


class Reference(NamedTuple):
    """A reference from or to an object."""

    kind: str
    step: str  # ".rows", "[3]", "['key']"
    counted: bool
    object: HeapObject


class HeapObject:
    """One object of a snapshot. Compares and hashes by its place in the file."""

    __slots__ = ("_facts", "_snapshot", "id")

    def __init__(self, snapshot: Snapshot, id: int) -> None:  # noqa: A002
        self._snapshot = snapshot
        self.id = id
        self._facts = snapshot.core.object(id)

    @property
    def address(self) -> int:
        return self._facts[0]

    @property
    def type(self) -> str:
        return self.heap_type.name

    @property
    def heap_type(self) -> HeapType:
        return self._snapshot.types[self._facts[1]]

    @property
    def size(self) -> int:
        """Bytes, with the buffers that it owns."""
        return self._facts[2]

    @property
    def buffer(self) -> int:
        """Bytes that it owns and that `sys.getsizeof` leaves out; part of `size`."""
        return self._facts[3]

    @property
    def retained(self) -> int:
        """Bytes that would be freed if it went."""
        return self._facts[6]

    @property
    def reference_count(self) -> int | None:
        """None: it is immortal."""
        return self._facts[4] - 1 if self._facts[4] else None

    @property
    def held_by_c(self) -> int:
        """How many of its references no object of the heap has."""
        return self._snapshot.core.held_by_c(self.id)

    @property
    def root(self) -> str:
        """Why it is alive by itself: "listed", "immortal", "held by C code", "garbage"; or ""."""
        return ROOTS[self._facts[8]]

    @property
    def generation(self) -> str | None:
        """ "0", "1", "2" or "frozen"; None where the collector does not track it, or the file does
        not say."""
        flags = self._facts[5]
        return _GENERATIONS[flags >> 1 & 3] if flags & _GENERATION_KNOWN else None

    @property
    def dominator(self) -> HeapObject | None:
        """The nearest object without which this one would go. None: no single one."""
        number = self._facts[7]
        return None if number is None else HeapObject(self._snapshot, number)

    @property
    def name(self) -> str:
        """Of a module, class, function, frame or thread; else empty."""
        return self._snapshot.core.own_name(self.id)

    @property
    def text(self) -> str | None:
        """Of a string, where the file has it."""
        row = self._snapshot.core.text(self.id)
        return row[2] if row else None

    @property
    def length(self) -> int | None:
        """Characters of a string, bytes of bytes, used slots of a container."""
        row = self._snapshot.core.text(self.id)
        if row:
            return row[0]
        capacity = self._snapshot.core.capacity(self.id)
        return capacity[0] if capacity else None

    @property
    def capacity(self) -> int | None:
        """Allocated slots of a container."""
        capacity = self._snapshot.core.capacity(self.id)
        return capacity[1] if capacity else None

    def path(self) -> str:
        """The shortest path to it: `app.cache.RESULTS['u42'].rows[3]`."""
        return self._snapshot.core.path(self.id)

    def path_objects(self) -> list[HeapObject]:
        """The objects on that path, from the root."""
        return [
            HeapObject(self._snapshot, number)
            for number in self._snapshot.core.path_objects(self.id)
        ]

    def referents(self) -> Iterator[Reference]:
        """What it refers to, weakly too."""
        return self._references(self._snapshot.core.referents(self.id))

    def referrers(self, most: int = 1_000_000, *, weak: bool = False) -> Iterator[Reference]:
        """What refers to it; weakly as well, if asked (that looks at the whole heap)."""
        rows = self._snapshot.core.referrers(self.id, most)
        if weak:
            rows += self._snapshot.core.weak_referrers(self.id)
        return self._references(rows)

    def _references(self, rows: list[tuple[int, bool, str, int]]) -> Iterator[Reference]:
        for kind, counted, step, other in rows:
            yield Reference(kind_name(kind), step, counted, HeapObject(self._snapshot, other))

    def dominated(self, most: int = 1_000_000) -> list[HeapObject]:
        """What goes with it, one level down, largest first."""
        return [
            HeapObject(self._snapshot, number)
            for number in self._snapshot.core.children(self.id, most)
        ]

    def describe(self) -> str:
        """`function app.collect`, `str 'u42'`, `list of 3`: in a few words, without the address."""
        if self.name:
            return f"{self.type} {self.name}"
        if self.text is not None:
            return f"{self.type} {self.text!r}"
        length = self.length
        return self.type if length is None else f"{self.type} of {length:,}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, HeapObject):
            return NotImplemented
        return self.id == other.id and self._snapshot is other._snapshot

    def __hash__(self) -> int:
        return hash((self.id, id(self._snapshot)))

    def __repr__(self) -> str:
        return (
            f"<{self.describe()} at {self.address:#x}: {units.size(self.size)}, "
            f"retains {units.size(self.retained)}>"
        )

    def _repr_html_(self) -> str:
        rows = [
            ("path", self.path()),
            ("size", units.size(self.size)),
            ("retained", units.size(self.retained)),
            ("address", f"{self.address:#x}"),
        ]
        return html_table(f"{self.describe()}", ("", ""), rows)


def html_table(title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    def line(cells: tuple[str, ...], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    head = line(heads, "th") if any(heads) else ""
    body = "".join(line(row, "td") for row in rows)
    return f"<table><caption>{escape(title)}</caption>{head}{body}</table>"


class Totals(list[Total]):
    """Rows of a table; in a notebook they look like one."""

    def _repr_html_(self) -> str:
        rows = [
            (total.name, f"{total.count:,}", units.size(total.size), units.size(total.retained))
            for total in self[:50]
        ]
        return html_table("", ("", "objects", "size", "retained"), rows)
