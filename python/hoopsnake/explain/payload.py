# SPDX-License-Identifier: Apache-2.0
"""What entries of a holder keep: the types that tell most about them."""

from __future__ import annotations

from collections import Counter

from hoopsnake.explain.places import is_installed
from hoopsnake.explain.standard import is_standard
from hoopsnake.heap.layouts import EdgeKind, Layout
from hoopsnake.heap.snapshot import Snapshot

_MOST_OBJECTS = 3000
_SMALL = 10_000
_NOT_TELLING = {Layout.TYPE, Layout.FUNCTION, Layout.CODE, Layout.MODULE}
# Parts that others are made of.
_INTERNAL = {
    "cell",
    "itertools._tee_dataobject",
    "managedbuffer",
    "functools._lru_list_elem",
    "hamt",
    "hamt_bitmap_node",
    "hamt_array_node",
    "hamt_collision_node",
}
# What is looked through on the way to what an entry is about.
_LEADING = {Layout.METHOD, Layout.PARTIAL, Layout.TUPLE, Layout.DICT, Layout.CELL}


class Payload:
    """The objects that an entry refers to, down to what others hold as well."""

    def __init__(self, snapshot: Snapshot, entry: int) -> None:
        self.snapshot = snapshot
        self.entry = entry
        self.counts: Counter[int] = Counter()
        self.retained: Counter[int] = Counter()
        self._look()

    def _look(self) -> None:
        core = self.snapshot.core
        waiting = [self.entry]
        seen = {self.entry}
        while waiting and len(seen) < _MOST_OBJECTS:
            one = waiting.pop()
            facts = core.object(one)
            self.counts[facts[1]] += 1
            self.retained[facts[1]] += facts[6]
            for child in core.children(one, 64):
                if child not in seen:
                    seen.add(child)
                    waiting.append(child)
        self._look_beside(self.entry, seen, 3)

    def _look_beside(self, start: int, seen: set[int], depth: int) -> None:
        """What an entry does not hold alone: a bound method's instance, say."""
        if depth == 0:
            return
        core = self.snapshot.core
        for kind, counted, _, target in core.referents(start):
            facts = core.object(target)
            row = self.snapshot.types[facts[1]]
            if not counted or kind == EdgeKind.TYPE or row.layout in _NOT_TELLING or target in seen:
                continue
            seen.add(target)
            self.counts[facts[1]] += 1
            if len(seen) < _MOST_OBJECTS and row.layout in _LEADING:
                self._look_beside(target, seen, depth - 1)

    @property
    def telling(self) -> str:
        """The class of the program's own that weighs most, or another that weighs far more; of the
        entry itself, where there is none."""
        own = self._heaviest([row for row in self.counts if self._is_own(row)])
        heavy = self._heaviest([row for row in self.counts if self._is_instance(row)])
        whole = self.snapshot.retained_by(self.entry)
        if own is not None and (whole < _SMALL or self.retained[own] >= whole / 10):
            return self._name(own)
        if heavy is not None and self.retained[heavy] >= whole / 3:
            return self._name(heavy)
        return self._name(own if own is not None else self._outer())

    @property
    def of_program(self) -> str:
        """The heaviest class of the program's, not of an installed package, beside the entry's."""
        outer = self.snapshot.core.object(self.entry)[1]
        own = [row for row in self.counts if row != outer and self._is_own(row)]
        found = self._heaviest([row for row in own if not self._is_installed(row)])
        return "" if found is None else self._name(found)

    def _is_installed(self, row: int) -> bool:
        module = self.snapshot.modules.get(self.snapshot.types[row].module)
        return module is None or is_installed(self.snapshot, module.id)

    def _heaviest(self, rows: list[int]) -> int | None:
        return max(rows, key=lambda row: (self.retained[row], self.counts[row]), default=None)

    def _outer(self) -> int:
        """The entry's own type; of a part of something else, the heaviest that it holds."""
        row = self.snapshot.core.object(self.entry)[1]
        if self._name(row) not in _INTERNAL:
            return row
        outer = self._heaviest([one for one in self.counts if self._name(one) not in _INTERNAL])
        return row if outer is None else outer

    def _name(self, row: int) -> str:
        return self.snapshot.types[row].name

    def _is_own(self, row: int) -> bool:
        kind = self.snapshot.types[row]
        return (
            kind.made_at_run_time and not is_standard(kind.name) and kind.layout not in _NOT_TELLING
        )

    def _is_instance(self, row: int) -> bool:
        layout = self.snapshot.types[row].layout
        return (
            layout in (Layout.INSTANCE, Layout.OTHER, Layout.GENERATOR)
            and self.snapshot.types[row].name not in _INTERNAL
        )
