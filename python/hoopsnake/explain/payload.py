# SPDX-License-Identifier: Apache-2.0
"""What entries of a holder keep: the types that tell most about them."""

from __future__ import annotations

from collections import Counter

from hoopsnake.explain.places import is_standard
from hoopsnake.heap.layouts import FRAMES, Layout
from hoopsnake.heap.snapshot import Snapshot

_MOST_OBJECTS = 3000
_NOT_TELLING = {Layout.TYPE, Layout.FUNCTION, Layout.CODE, Layout.MODULE}


class Payload:
    """The objects that an entry refers to, down to what others hold as well."""

    def __init__(self, snapshot: Snapshot, entry: int) -> None:
        self.snapshot = snapshot
        self.entry = entry
        self.counts: Counter[int] = Counter()
        self.retained: Counter[int] = Counter()
        self.layouts: set[int] = set()
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
            self.layouts.add(self.snapshot.types[facts[1]].layout)
            for child in core.children(one, 64):
                if child not in seen:
                    seen.add(child)
                    waiting.append(child)
        # What the entry shares with others of its kind: a bound method's instance, say.
        for kind, counted, _, target in core.referents(self.entry):
            facts = core.object(target)
            row = self.snapshot.types[facts[1]]
            if counted and kind != 1 and target not in seen and row.layout not in _NOT_TELLING:
                self.counts[facts[1]] += 1
                self.layouts.add(row.layout)

    @property
    def telling(self) -> str:
        """The class of the program's own that weighs most; else the entry's own type."""
        rows = self.snapshot.types
        own = [
            row
            for row in self.counts
            if rows[row].made_at_run_time
            and not is_standard(rows[row].name)
            and rows[row].layout not in _NOT_TELLING
        ]
        if own:
            return rows[max(own, key=lambda row: (self.retained[row], self.counts[row]))].name
        return rows[self.snapshot.core.object(self.entry)[1]].name

    @property
    def has_frame(self) -> bool:
        return any(layout in self.layouts for layout in FRAMES)
