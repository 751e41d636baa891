# SPDX-License-Identifier: Apache-2.0
"""Counts that no reference in the heap accounts for: something in C holds these objects, or forgot
to let go of them."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hoopsnake.explain.growth import keeps_rising
from hoopsnake.explain.model import Growth, Holder, Suspect
from hoopsnake.explain.places import runs, short_name
from hoopsnake.explain.series import Series
from hoopsnake.explain.standard import is_standard
from hoopsnake.heap.layouts import CONTAINERS, ENTRIES, Layout
from hoopsnake.heap.model import HeapObject, HeapType
from hoopsnake.heap.snapshot import Snapshot
from hoopsnake.report import units

# References, in all, by which those to one type grew.
_LEAST_MORE = 20
_MANY_MORE = 500
_FAR_MORE = 20  # for each object
_FEW_OBJECTS = 10
_SHARE_OF_TYPE = 0.1
_SAMPLE = 4_000  # objects
_SEVERAL = 20  # referrers
_LEAST_ALLOCATED = 4 << 20
# C code has these for its own use.
_USUAL_TO_HOLD = (Layout.DICT, Layout.STR, Layout.TUPLE, Layout.LIST)
# None, True, small numbers: C code counts references to them all the time.
_SINGLE = (Layout.NONE, Layout.BOOL, Layout.INT)
_FIX = (
    "Nothing in Python holds them: an extension took a reference and did not release it "
    "(a missing `Py_DECREF`). Upgrade or fix the extension; there is no holder to look for."
)


def suspects(series: Series) -> list[Suspect]:
    found = [*_growing(series), *_own_instances(series), *_allocated(series)]
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
    if len(points) < 2:
        return []
    seconds = series.seconds[-len(points) :]
    for row, objects, references, retained, example in snapshot.core.held_by_c_totals():
        kind = snapshot.types[row]
        held = [point.held_by_c.get(kind.name, (0, 0, 0)) for point in points]
        counts = tuple(one[1] for one in held)
        least = _MANY_MORE if _is_usual(kind) else _LEAST_MORE
        if counts[-1] - min(counts) < least:
            continue
        if not keeps_rising(counts) and not _leaps(snapshot, kind, objects, counts):
            continue
        if _is_held_rightly(snapshot, kind, objects, references):
            continue
        growth = Growth(counts, tuple(one[2] for one in held), seconds)
        found.append(_suspect(snapshot, example, objects, references, retained, growth))
    return found


def _leaps(snapshot: Snapshot, kind: HeapType, objects: int, counts: tuple[int, ...]) -> bool:
    """Once only, but far more references to a few objects than code in C has reasons for."""
    if objects > _FEW_OBJECTS or _is_usual(kind) or _is_compiled(snapshot, kind.module):
        return False
    is_at_end = counts[-1] >= 0.9 * max(counts)
    return is_at_end and counts[-1] - min(counts) >= _FAR_MORE * objects


def _is_usual(kind: HeapType) -> bool:
    """C code has objects of this type for its own use, wherever it works."""
    if kind.layout == Layout.BUILTIN_FUNCTION:
        return False
    return kind.layout in _USUAL_TO_HOLD or "." not in kind.name


def _is_held_rightly(snapshot: Snapshot, kind: HeapType, objects: int, references: int) -> bool:
    if kind.layout in (Layout.TYPE, Layout.MODULE, Layout.CODE, *_SINGLE):
        return True
    if _lie_on_stacks(snapshot, kind):
        return True
    if _is_usual(kind):
        # C code at work has some of them at any time; what was lost has one reference each.
        return references > 1.2 * objects or objects < _SHARE_OF_TYPE * _count(snapshot, kind.row)
    is_class = kind.made_at_run_time and kind.layout in (Layout.INSTANCE, Layout.OTHER)
    if is_class and _is_compiled(snapshot, kind.module):
        return True
    # A singleton of an extension, which its own code refers to.
    return objects == 1 and not kind.made_at_run_time


def _lie_on_stacks(snapshot: Snapshot, kind: HeapType) -> bool:
    """Before 3.11 nobody can tell how much of a running frame's stack is in use: what it calls a
    method of is there, too."""
    if not snapshot.python.startswith("3.10."):
        return False
    held = _held_by_c(snapshot, kind.row)
    return 2 * sum(_is_in_running_frame(snapshot, one) for one in held) > len(held)


def _is_in_running_frame(snapshot: Snapshot, target: int) -> bool:
    for _, _, _, holder in snapshot.core.referrers(target, _SEVERAL):
        if snapshot.layout_of(holder) == Layout.FRAME and runs(snapshot.core.label(holder)):
            return True
    return False


def _held_by_c(snapshot: Snapshot, row: int) -> list[int]:
    """A sample."""
    everything = memoryview(snapshot.core.objects_of_type(row)).cast("I")
    some = everything[:: len(everything) // _SAMPLE + 1]
    return [one for one in some if snapshot.core.held_by_c(one)]


def _count(snapshot: Snapshot, row: int) -> int:
    return len(snapshot.core.objects_of_type(row)) // 4


def _own_instances(series: Series) -> list[Suspect]:
    """Instances of the program's own classes that nothing but C refers to."""
    found = []
    snapshot = series.last
    for row, objects, references, retained, example in snapshot.core.held_by_c_totals():
        kind = snapshot.types[row]
        is_own = kind.made_at_run_time and kind.layout == Layout.INSTANCE
        if not is_own or is_standard(kind.name) or references < 3 * objects:
            continue
        if _is_compiled(snapshot, kind.module):
            continue  # its own code refers to them
        found.append(_suspect(snapshot, example, objects, references, retained, None))
    return found


def _is_compiled(snapshot: Snapshot, module: str) -> bool:
    found = snapshot.modules.get(module)
    label = snapshot.core.label(found.id) if found else None
    return label is not None and label[2].endswith(".so")


def _allocated(series: Series) -> list[Suspect]:
    """Memory that grows again and again, and that no object explains."""
    points = series.settled
    if len(points) < 5:
        return []
    objects = [point.size - points[0].size for point in points]
    heap = [point.heap_bytes - more for point, more in zip(points, objects, strict=True)]
    found = []
    for what, amounts in (
        ("with malloc()", [point.c_bytes for point in points]),
        ("in Python's heap", heap),
    ):
        gained = amounts[-1] - min(amounts)
        if gained < _LEAST_ALLOCATED or not keeps_rising(tuple(amounts)):
            continue
        rises = sum(after > before + gained // 50 for before, after in pairwise(amounts))
        if rises >= 4 and objects[-1] < gained / 2:
            found.append(_memory_of_c(series, what, tuple(amounts), gained))
    return found


def _memory_of_c(series: Series, what: str, amounts: tuple[int, ...], gained: int) -> Suspect:
    names = extensions(series.last)
    loaded = f" (loaded: {', '.join(names[:4])})" if names else ""
    growth = Growth(amounts, amounts, series.seconds[-len(amounts) :])
    return Suspect(
        "held-from-c",
        f"{units.size(gained)} more than at first are allocated {what} and no Python object has "
        f"them: an extension{loaded} holds them, or has lost them.",
        Holder(f"C code, memory {what}", "C", f"memory {what}"),
        f"memory of C code{loaded}",
        1,
        gained,
        "Objects of an extension that hold each other where the collector does not see it, or "
        "memory that it did not free: make such objects once and reuse them, and upgrade the "
        "extension; `hoop audit` shows objects whose counts are too high.",
        "medium",
        growth,
        ["in each snapshot there were " + ", ".join(units.size(one) for one in amounts)],
        gained * 0.5,
    )


def extensions(snapshot: Snapshot) -> list[str]:
    """Compiled modules that are not of the standard library, by their packages."""
    found: dict[str, None] = {}
    for name, module in snapshot.modules.items():
        label = snapshot.core.label(module.id)
        is_own = label is not None and "lib-dynload" not in label[2]
        if label and is_own and label[2].endswith(".so"):
            found[name.partition(".")[0]] = None
    return list(found)


def _typical(snapshot: Snapshot, example: int) -> int:
    """Of containers that C holds, one whose contents are as those of most."""
    if snapshot.layout_of(example) not in CONTAINERS:
        return example
    held = _held_by_c(snapshot, snapshot.type_of(example).row)
    contents = {one: _contents(snapshot, one) for one in held}
    common = Counter(contents.values()).most_common(1)
    return next((one for one in held if contents[one] == common[0][0]), example)


def _contents(snapshot: Snapshot, container: int) -> str:
    """ " of `str`": the type of most entries of a container."""
    if snapshot.layout_of(container) not in CONTAINERS:
        return ""
    entries = [one for kind, _, _, one in snapshot.core.referents(container) if kind in ENTRIES]
    types = Counter(snapshot.type_of(one).name for one in entries)
    return f" of `{short_name(types.most_common(1)[0][0])}`" if types else ""


def _suspect(
    snapshot: Snapshot,
    example: int,
    objects: int,
    references: int,
    retained: int,
    growth: Growth | None,
) -> Suspect:
    example = _typical(snapshot, example)
    one = HeapObject(snapshot, example)
    name = short_name(one.type)
    told = one.name or one.describe()
    count = f"{objects:,} `{name}`{_contents(snapshot, example)} ({units.size(retained)})"
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
    )
