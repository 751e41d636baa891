# SPDX-License-Identifier: Apache-2.0
"""Counts that no reference in the heap accounts for: something in C holds these objects, or forgot
to let go of them."""

from __future__ import annotations

from hoopsnake.explain.growth import keeps_rising
from hoopsnake.explain.model import Growth, Holder, Suspect
from hoopsnake.explain.places import is_standard, short_name
from hoopsnake.explain.series import Series
from hoopsnake.heap.layouts import Layout
from hoopsnake.heap.model import HeapObject
from hoopsnake.heap.snapshot import Snapshot
from hoopsnake.report import units

# References, in all, by which those to one type grew.
_LEAST_MORE = 20
_MANY_MORE = 500
# C code has these for its own use.
_USUAL_TO_HOLD = (Layout.DICT, Layout.STR, Layout.TUPLE, Layout.LIST, Layout.OTHER)
_FIX = (
    "Nothing in Python holds them: an extension took a reference and did not release it "
    "(a missing `Py_DECREF`). Upgrade or fix the extension; there is no holder to look for."
)


def suspects(series: Series) -> list[Suspect]:
    found = [*_growing(series), *_own_instances(series)]
    found.sort(key=lambda one: -one.weight)
    kept: dict[str, Suspect] = {}
    for one in found:
        kept.setdefault(one.type, one)
    return list(kept.values())[:3]


def _growing(series: Series) -> list[Suspect]:
    """Types to whose objects C has more references in each snapshot."""
    found = []
    snapshot = series.last
    points = series.settled
    if len(points) < 3:
        return []
    seconds = series.seconds[-len(points) :]
    for row, objects, references, retained, example in snapshot.core.held_by_c_totals():
        name = snapshot.types[row].name
        held = [point.held_by_c.get(name, (0, 0, 0)) for point in points]
        counts = tuple(one[1] for one in held)
        is_usual = snapshot.types[row].layout in _USUAL_TO_HOLD
        if counts[-1] - min(counts) < (_MANY_MORE if is_usual else _LEAST_MORE):
            continue
        if not keeps_rising(counts):
            continue
        if snapshot.types[row].layout in (Layout.TYPE, Layout.MODULE, Layout.CODE):
            continue
        growth = Growth(counts, tuple(one[2] for one in held), seconds)
        found.append(_suspect(snapshot, example, objects, references, retained, growth))
    return found


def _own_instances(series: Series) -> list[Suspect]:
    """Instances of the program's own classes that nothing but C refers to."""
    found = []
    snapshot = series.last
    for row, objects, references, retained, example in snapshot.core.held_by_c_totals():
        kind = snapshot.types[row]
        is_own = kind.made_at_run_time and kind.layout == Layout.INSTANCE
        if not is_own or is_standard(kind.name) or references < max(2, objects):
            continue
        if snapshot.core.referrer_count(example) > 0 and references < 3:
            continue
        found.append(_suspect(snapshot, example, objects, references, retained, None))
    return found


def _suspect(
    snapshot: Snapshot,
    example: int,
    objects: int,
    references: int,
    retained: int,
    growth: Growth | None,
) -> Suspect:
    one = HeapObject(snapshot, example)
    name = short_name(one.type)
    told = one.name or one.describe()
    count = f"{objects:,} `{name}` ({units.size(retained)})"
    what = f"`{told}`" if objects == 1 else count
    more = references - (growth.counts[0] if growth else 0)
    grows = f", {more:,} more than at first" if growth else ""
    return Suspect(
        "held-from-c",
        f"{what} {'has' if objects == 1 else 'have'} "
        f"{units.plural(references, 'reference')} that no object of the heap has{grows}: "
        f"C code holds {'it' if objects == 1 else 'them'}.",
        Holder("C code (a wrong reference count)", "C", snapshot.core.path(example)),
        one.type,
        objects,
        retained,
        _FIX,
        "high" if growth and growth.rises >= 2 else "medium",
        growth,
        [
            f"for example {told} at {one.address:#x}: count {one.reference_count}, "
            f"{one.held_by_c} of them unexplained"
        ],
        retained + 50.0 * references,
        [],
    )
