# SPDX-License-Identifier: Apache-2.0
"""Reference counts against the references that were found: for authors of extensions."""

from __future__ import annotations

from dataclasses import dataclass

from hoopsnake.heap.layouts import Layout
from hoopsnake.heap.model import HeapObject, HeapType
from hoopsnake.heap.snapshot import Snapshot

# C code holds these in any program: classes and modules from its own variables, functions and
# methods of C as well, code from the interpreter; and, up to some, texts and containers.
_USUAL = (Layout.TYPE, Layout.MODULE, Layout.BUILTIN_FUNCTION, Layout.CODE)
_USUAL_UP_TO: dict[int, int] = {Layout.DICT: 200, Layout.STR: 1000, Layout.TUPLE: 200}


@dataclass(frozen=True, slots=True)
class Excess:
    """Objects of a type whose counts are higher than the references to them."""

    type: str
    objects: int
    references: int  # that no object has
    retained: int
    example: HeapObject
    is_usual: bool
    more_objects: int = 0  # than in the snapshot before
    more_references: int = 0


def audit(snapshot: Snapshot, before: Snapshot | None = None) -> list[Excess]:
    """By type, those that C is not known to hold in any program first; what grew most first.

    What the interpreter's own fields and caches refer to is taken as explained; so are frames,
    free lists (their objects have no count) and immortal objects (theirs says nothing).
    """
    old = _totals(before) if before else {}
    found = []
    for row, objects, references, retained, example in snapshot.core.held_by_c_totals():
        kind = snapshot.types[row]
        was = old.get(kind.name, (0, 0) if before else (objects, references))
        found.append(
            Excess(
                kind.name,
                objects,
                references,
                retained,
                HeapObject(snapshot, example),
                _is_usual(kind, references, references - was[1]),
                objects - was[0],
                references - was[1],
            )
        )
    found.sort(key=lambda one: (one.is_usual, -one.more_references, -one.references, one.type))
    return found


def _is_usual(kind: HeapType, references: int, more: int) -> bool:
    if more <= 0 and references <= _USUAL_UP_TO.get(kind.layout, 0) and "." not in kind.name:
        return True
    return kind.layout in _USUAL or (kind.layout == Layout.OTHER and not kind.made_at_run_time)


def _totals(snapshot: Snapshot) -> dict[str, tuple[int, int]]:
    return {
        snapshot.types[row].name: (objects, references)
        for row, objects, references, _, _ in snapshot.core.held_by_c_totals()
    }
