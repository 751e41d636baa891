# SPDX-License-Identifier: Apache-2.0
"""What waits for the collector: objects that only a cycle keeps."""

from __future__ import annotations

import re
from itertools import pairwise

from hoopsnake.explain.describe import chain
from hoopsnake.explain.model import Holder, Suspect
from hoopsnake.explain.payload import Payload
from hoopsnake.explain.places import class_place, place_of, short_name, type_object
from hoopsnake.explain.series import Series
from hoopsnake.explain.standard import is_standard
from hoopsnake.heap.layouts import FRAMES, Layout
from hoopsnake.heap.model import CycleGroup, HeapObject
from hoopsnake.heap.snapshot import Snapshot
from hoopsnake.report import units

# With the collector on, garbage that is waiting is usual up to this.
_USUAL_BYTES = 2 << 20
_USUAL_SHARE = 0.4
_MANY_FROZEN = 10
# With the collector off, of more than this one can be sure that it matters.
_MUCH = 1 << 20
_MOST_CHILDREN = 100
_ENOUGH_POINTS = 4
# Names that say that a reference leads back.
_BACK = re.compile(r"parent|owner|root|_?self|_graph|graph|up|prev|container|manager|me$", re.I)


def suspects(series: Series) -> list[Suspect]:
    number = series.richest
    is_last = number + 1 == len(series.points)
    snapshot = series.last if is_last else series.until(number).last
    before = series.points[0].garbage if number else {}
    found = []
    told: set[frozenset[str]] = set()
    for group in snapshot.cycles():
        steps = frozenset(group.cycle.split(" -> "))
        if steps in told:
            continue
        told.add(steps)
        garbage = group.count - group.held
        fresh = garbage - before.get(group.cycle, 0)
        if fresh > 0 and _is_worth_telling(series, snapshot, group, garbage):
            found.append(_suspect(snapshot, group, garbage))
    found.sort(key=lambda one: -one.bytes)
    return found[:3]


def _is_worth_telling(series: Series, snapshot: Snapshot, group: CycleGroup, garbage: int) -> bool:
    retained = group.retained * garbage // max(group.count, 1)
    if _is_frozen(group):
        return garbage >= _MANY_FROZEN and _own_type(snapshot, group) is not None
    if snapshot.meta.get("collector") != "off":
        is_much = retained >= max(_USUAL_BYTES, _USUAL_SHARE * snapshot.size)
        return is_much and _comes_again(series, group.cycle)
    return _own_type(snapshot, group) is not None or retained >= _USUAL_BYTES // 2


def _comes_again(series: Series, cycle: str) -> bool:
    """One large structure that was just dropped is no habit of the program's."""
    counts = [point.garbage.get(cycle, 0) for point in series.points]
    rises = sum(after > before for before, after in pairwise(counts))
    return rises >= 2 or len(counts) < _ENOUGH_POINTS


def _is_frozen(group: CycleGroup) -> bool:
    """`gc.freeze()` took it from the collector's sight: it is never found."""
    return {one.generation for one in group.example if one.generation} == {"frozen"}


def _own_type(snapshot: Snapshot, group: CycleGroup) -> str | None:
    """A class of the program's, an exception or a frame in the cycle."""
    best: str | None = None
    for one in group.example:
        layout = one.heap_type.layout
        if layout in (Layout.EXCEPTION, *FRAMES):
            best = best or one.type
        elif one.heap_type.made_at_run_time and not is_standard(one.type):
            return one.type
    return best


def _suspect(snapshot: Snapshot, group: CycleGroup, garbage: int) -> Suspect:
    retained = group.retained * garbage // max(group.count, 1)
    is_error = any(one.heap_type.layout in (Layout.EXCEPTION, *FRAMES) for one in group.example)
    edge = closing_edge(group)
    kept = _kept_type(snapshot, group)
    off = snapshot.meta.get("collector") == "off"
    frozen = _is_frozen(group)
    holder = creator(snapshot, group, edge)
    place = f", {holder.place}" if holder.place else ""
    plural = units.plural(garbage, "cycle")
    return Suspect(
        "delayed",
        f"{plural} of `{short_name(kept)}` ({units.size(retained)}) "
        f"{'is' if garbage == 1 else 'are'} kept by nothing but "
        f"{'itself' if garbage == 1 else 'themselves'}: "
        f"`{edge}` closes the cycle{place}; {_until_when(garbage, off=off, frozen=frozen)}.",
        holder,
        kept,
        garbage,
        retained,
        _fix(edge, is_error=is_error, off=off, frozen=frozen),
        "high" if (off or frozen) and retained >= _MUCH else "medium",
        None,
        [
            f"the cycle: {group.cycle}",
            "a reference count of each of them stays above zero, as the others refer to it",
            f"the largest has {group.largest:,} objects: "
            + ", ".join(f"{count:,} {name}" for name, count in group.types[:5]),
        ],
        (retained + garbage) * (0.9 if off or frozen else 0.3),
        0,
        chain(place_of(snapshot, group.example[0].id), snapshot, group.example[0].id),
    )


def _until_when(garbage: int, *, off: bool, frozen: bool) -> str:
    they = "it" if garbage == 1 else "they"
    s = "s" if garbage == 1 else ""
    if frozen:
        return f"`gc.freeze()` hides {'it' if garbage == 1 else 'them'} from the collector for good"
    if off:
        return f"the collector is switched off, and so {they} stay{s}"
    return f"{they} wait{s} for the next full collection"


def _kept_type(snapshot: Snapshot, group: CycleGroup) -> str:
    """What somebody would miss: a class of the program's in the cycle, or kept by it; of several,
    the one that has most to itself."""
    own = [one for one in group.example if _is_own_class(one)]
    if own:
        return max(own, key=lambda one: (_held_aside(snapshot, group, one), one.retained)).type
    largest = max(group.example, key=lambda one: one.retained)
    return Payload(snapshot, largest.id).telling


def _is_own_class(one: HeapObject) -> bool:
    is_instance = one.heap_type.layout not in (Layout.TYPE, Layout.EXCEPTION)
    return one.heap_type.made_at_run_time and is_instance and not is_standard(one.type)


def _held_aside(snapshot: Snapshot, group: CycleGroup, one: HeapObject) -> int:
    """Bytes that an object of a cycle, or its dict there, holds beside the cycle."""
    members = [other.id for other in group.example]
    start = members.index(one.id)
    total = 0
    for other in group.example[start:] + group.example[:start]:
        if other.id != one.id and _is_own_class(other):
            break
        aside = set(snapshot.core.children(other.id, _MOST_CHILDREN)) - set(members)
        total += sum(snapshot.retained_by(child) for child in aside)
    return total


def closing_edge(group: CycleGroup) -> str:
    """The reference to blame: a local of a frame, or the one to make weak."""
    return _local_of_frame(group) or edge_to_weaken(group)


def edge_to_weaken(group: CycleGroup) -> str:
    """The reference that reads as if it led back; else the one that closes the cycle."""
    parts = group.cycle.split(" -> ")
    for part in parts:
        name = part.rpartition(".")[2]
        if "." in part and _BACK.fullmatch(name.strip()):
            return short_name(part)
    for part in reversed(parts[:-1]):
        if re.search(r"\.[a-z_]\w*$", part) and "__" not in part:
            return short_name(part)
    named = [part for part in parts[:-1] if re.search(r"\.[a-z_]\w*$", part)]
    return short_name(named[-1] if named else group.closing)


def _local_of_frame(group: CycleGroup) -> str:
    """ "frame.err -> ValueError.__traceback__ -> ..." is closed by the local `err`."""
    found = re.search(r"(?:^|-> )(?:frame|<frame>|generator|coroutine)\.(\w+)", group.cycle)
    return found[1] if found else ""


def creator(snapshot: Snapshot, group: CycleGroup, edge: str) -> Holder:
    """The class or function whose reference closes the cycle."""
    frames = [one for one in group.example if one.heap_type.layout in FRAMES]
    if frames:
        label = snapshot.core.label(frames[0].id)
        if label:
            function = label[1] or label[0]
            name = f"the frame of `{short_name(function)}`"
            return Holder(name, "cycle through a frame", group.cycle, label[2], label[3])
    owner = edge.partition(".")[0]
    for one in group.example:
        if one.heap_type.made_at_run_time and short_name(one.type).startswith(owner):
            file, line = class_place(snapshot, type_object(snapshot, one.id))
            return Holder(f"`{edge}`", "cycle", group.cycle, file, line)
    return Holder(f"`{edge}`", "cycle", group.cycle)


def _fix(edge: str, *, is_error: bool, off: bool, frozen: bool) -> str:
    if frozen:
        return (
            "Call `gc.freeze()` once, after `gc.collect()` at the end of the start-up; "
            "`gc.unfreeze()` brings back what it hides."
        )
    if is_error:
        text = (
            "The exception is kept in a local of a frame that its own traceback keeps: `del` the "
            "variable in a `finally`, or keep `e.with_traceback(None)` or its text."
        )
    else:
        text = (
            f"Make `{edge}` weak (`weakref.ref`), or break the cycle when it is done with "
            "(`close()`); then counting alone frees it at once."
        )
    if off:
        text += " And have the collector run: `gc.enable()`, or call `gc.collect()` regularly."
    return text
