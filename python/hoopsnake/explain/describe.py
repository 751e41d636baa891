# SPDX-License-Identifier: Apache-2.0
"""Suspects in words: what is kept, how many, by whom, and what to do."""

from __future__ import annotations

import re
from dataclasses import replace

from hoopsnake.explain.fixes import IN_VAIN, closure_fix, fix_for, is_queue
from hoopsnake.explain.growth import Frontier
from hoopsnake.explain.model import Confidence, Growth, Suspect, Verdict
from hoopsnake.explain.payload import Payload
from hoopsnake.explain.places import Place, Step, is_installed, place_of, short_name
from hoopsnake.explain.series import Row, Series
from hoopsnake.heap.layouts import CONTAINERS, Layout
from hoopsnake.heap.model import kind_name
from hoopsnake.heap.snapshot import Snapshot
from hoopsnake.report import units

_BOUND = re.compile(
    r"_*(max_?(size|len|length|entries|items|age|cache)\d*|capacity|limit|size_limit)", re.I
)


def of_frontier(series: Series, frontier: Frontier) -> Suspect:
    """What grows, and its holder."""
    snapshot = series.last
    row = frontier.row
    place = holder_of(snapshot, row.example)
    found = of_entries(
        snapshot, place, row.example, row.count, row.retained, growth=frontier.growth
    )
    return replace(found, weight=min(found.weight, float(frontier.gained)))


def holder_of(snapshot: Snapshot, entry: int) -> Place:
    """The place that an entry is kept at: its container, or where its path begins anew."""
    steps = snapshot.core.path_steps(entry)
    last = steps[-1]
    if len(steps) == 1 or kind_name(last[1] or 0) in ("cell", "local", "frame"):
        return place_of(snapshot, entry)
    if _kind_of(snapshot, steps[-2][0]) in (Layout.CELL, Layout.INTERPRETER):
        return place_of(snapshot, entry)
    return place_of(snapshot, steps[-2][0])


def _kind_of(snapshot: Snapshot, number: int) -> int:
    return snapshot.layout_of(number)


def of_entries(
    snapshot: Snapshot,
    place: Place,
    entry: int,
    count: int,
    retained: int,
    *,
    growth: Growth | None = None,
    verdict: Verdict | None = None,
    fix: str | None = None,
    evidence: list[str] | None = None,
) -> Suspect:
    """Entries of one kind that a holder keeps."""
    place, cell = closure_to_blame(snapshot, place, entry)
    payload = Payload(snapshot, entry if cell is None else cell)
    kind = snapshot.type_of(entry)
    container = place.steps[-1]
    chosen = verdict or _verdict(snapshot, place)
    if container.layout in CONTAINERS and container.id != entry:
        retained = max(retained, snapshot.retained_by(container.id))
    what = _entries_in_words(count, kind.name, kind.layout, _worth_naming(snapshot, place, payload))
    bound = _bound_in_words(snapshot, place, chosen)
    if fix is None and is_resurrected(snapshot, entry):
        fix = _RESURRECTED
        what += ", brought back by their `__del__`,"
    where = f", {place.holder.place}" if place.holder.place else ""
    if cell is not None:
        what = f"`{short_name(payload.telling)}` of {count:,} functions"
    verb = "is" if count == 1 else "are"
    grows = ", and more of them in each snapshot" if growth and chosen == "grows" else ""
    return Suspect(
        chosen,
        f"{what} ({units.size(retained)}) {verb} kept by {place.name}{where}{grows}{bound}.",
        place.holder,
        payload.telling,
        count,
        retained,
        fix
        or (closure_fix() if cell is not None else "")
        or _fix(place, kind.layout, kind.name, container.type, chosen),
        _confidence(growth, place),
        growth,
        [*_facts(snapshot, place, entry, growth), *(evidence or [])],
        _weight(retained, growth, place),
        snapshot.core.object(container.id)[0],
        chain(place, snapshot, entry),
    )


_RESURRECTED = (
    "Their `__del__` stored a reference to the object, and it runs once only: never keep `self` in "
    "`__del__`; use `weakref.finalize` with what has to be closed."
)


_CACHES = ("attribute", "module attribute", "class attribute", "instance attribute")


def _fix(place: Place, layout: int, name: str, container: str, verdict: Verdict) -> str:
    text = fix_for(place, layout, name, container)
    is_cache = verdict == "bounded" and place.kind in _CACHES
    return text + IN_VAIN if is_cache else text


def is_resurrected(snapshot: Snapshot, number: int) -> bool:
    """It was finalized, and lives."""
    return bool(snapshot.core.object(number)[5] & 8)


def closure_to_blame(snapshot: Snapshot, place: Place, entry: int) -> tuple[Place, int | None]:
    """Of a function, the closure cell that nearly all of it is; else the place as it was."""
    if _kind_of(snapshot, entry) != Layout.FUNCTION:
        return place, None
    cells = [one for kind, _, _, one in snapshot.core.referents(entry) if kind_name(kind) == "cell"]
    largest = max(cells, key=lambda one: snapshot.retained_by(one), default=None)
    whole = snapshot.retained_by(entry)
    if largest is None or snapshot.retained_by(largest) < max(whole / 2, 1000):
        return place, None
    inner = place_of(snapshot, largest)
    inner.name += f", a function in {place.name}"
    inner.path = place.path
    return inner, largest


def _verdict(snapshot: Snapshot, place: Place) -> Verdict:
    if place.bound is not None or place.kind == "thread-local":
        return "bounded"
    # A queue of the standard library has a `maxsize` in any case, and 0 is none.
    return "bounded" if not is_queue(place) and bound_name(snapshot, place) else "grows"


def bound_name(snapshot: Snapshot, place: Place) -> str:
    """The attribute of the holder's owner that reads like a limit: "maxsize"."""
    for step in reversed(place.steps[-4:]):
        if step.layout not in (Layout.INSTANCE, Layout.OTHER, Layout.MODULE):
            continue
        if _is_sys(snapshot, step):
            continue  # `sys.maxsize` is the largest index
        for name in attribute_names(snapshot, step.id):
            if _BOUND.fullmatch(name):
                return name
    return ""


def _is_sys(snapshot: Snapshot, step: Step) -> bool:
    label = snapshot.core.label(step.id)
    return step.layout == Layout.MODULE and label is not None and label[0] == "sys"


def attribute_names(snapshot: Snapshot, instance: int) -> list[str]:
    names: list[str] = []
    for kind, _, text, target in snapshot.core.referents(instance):
        if kind_name(kind) == "attribute":
            names.append(text.removeprefix("."))
        elif text == ".__dict__":
            names += (
                step.strip("[]'").removeprefix(".")
                for _, _, step, _ in snapshot.core.referents(target)
            )
    return names


def _bound_in_words(snapshot: Snapshot, place: Place, verdict: Verdict) -> str:
    if verdict != "bounded":
        return ""
    if place.bound is not None:
        return f"; there will be at most {place.bound:,}"
    if place.kind == "thread-local":
        return "; there is at most one set for each thread"
    return f"; `{bound_name(snapshot, place)}` of its owner bounds it"


_WORDS = {
    Layout.METHOD: "bound methods",
    Layout.FUNCTION: "functions",
    Layout.PARTIAL: "`functools.partial` objects",
    Layout.TYPE: "classes",
    Layout.MODULE: "modules",
    Layout.CELL: "closure cells",
    Layout.FRAME: "frames",
    Layout.TRACEBACK: "tracebacks",
    Layout.GENERATOR: "suspended generators",
    Layout.THREAD: "running threads",
}


def _worth_naming(snapshot: Snapshot, place: Place, payload: Payload) -> str:
    """The type that tells most; where a package keeps something of its own, the program's."""
    kind = snapshot.type_of(payload.entry).name
    if payload.telling != kind or not any(is_installed(snapshot, one.id) for one in place.steps):
        return payload.telling
    return payload.of_program or kind


def _entries_in_words(count: int, name: str, layout: int, telling: str) -> str:
    words = _WORDS.get(Layout(layout)) if layout in _WORDS else None
    if words and count == 1:
        words = words.removesuffix("s").removesuffix("e") if words == "classes" else words[:-1]
    entries = f"{count:,} {words}" if words else f"{count:,} `{short_name(name)}`"
    if telling == name or not telling:
        return entries
    return f"{entries} with their `{short_name(telling)}`"


def _confidence(growth: Growth | None, place: Place) -> Confidence:
    if growth is None:
        return "medium"
    if place.is_working_data:
        return "low"
    return "high" if growth.rises >= 3 else "medium"


def _weight(retained: int, growth: Growth | None, place: Place) -> float:
    gained = growth.retained[-1] - min(growth.retained) if growth else retained / 2
    return gained * (0.2 if place.is_working_data else 1.0)


def _facts(snapshot: Snapshot, place: Place, entry: int, growth: Growth | None) -> list[str]:
    facts = [f"for example {snapshot.core.path(entry)}"]
    if growth:
        counts = ", ".join(f"{count:,}" for count in growth.counts)
        sizes = ", ".join(units.size(size) for size in growth.retained)
        facts.append(f"in each snapshot there were {counts} of them, retaining {sizes}")
    others = [path for path, _ in snapshot.core.paths(entry, 6) if not path.startswith(place.path)]
    if others:
        facts.append(f"also held by {others[0]}")
    return facts


def chain(place: Place, snapshot: Snapshot, entry: int) -> list[tuple[str, str]]:
    """The path to an entry for a picture: how it is referred to, and what it is."""
    from hoopsnake.heap.model import HeapObject

    steps = [(step.text, HeapObject(snapshot, step.id).describe()) for step in place.steps]
    if not place.steps or place.steps[-1].id != entry:
        text = snapshot.core.path_steps(entry)[-1][2]
        steps.append((text, HeapObject(snapshot, entry).describe()))
    return steps


_JOIN = (
    "Each `+` makes a copy of the whole before the old one goes: collect parts in a list and "
    "`join` them, or write into `io.StringIO`."
)


def of_swelling(series: Series, row: Row, sizes: list[int]) -> Suspect:
    """One object that gets larger."""
    snapshot = series.last
    place = place_of(snapshot, row.example)
    growth = series.growth(row.text)
    where = f", {place.holder.place}" if place.holder.place else ""
    gained = sizes[-1] - min(sizes)
    grown = ", ".join(units.size(size) for size in sizes)
    is_text = row.layout in (Layout.STR, Layout.BYTES)
    return Suspect(
        "large" if is_text else _verdict(snapshot, place),
        f"{place.name}{where} itself grows: it is {units.size(sizes[-1])} now.",
        place.holder,
        row.type,
        1,
        row.size,
        _JOIN if is_text else fix_for(place, Layout.OTHER, row.type, row.type),
        "low" if place.is_working_data else "medium",
        growth,
        [f"in each snapshot it had {grown}"],
        gained * (0.1 if place.is_working_data else 0.5),
        0,
        chain(place, snapshot, row.example),
    )
