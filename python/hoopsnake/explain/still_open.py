# SPDX-License-Identifier: Apache-2.0
"""Which files, sockets, mappings and databases are open in a snapshot, and who has them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from hoopsnake.explain.model import Holder, Suspect
from hoopsnake.explain.places import place_of
from hoopsnake.explain.series import Series
from hoopsnake.heap.layouts import EdgeKind
from hoopsnake.heap.model import HeapType
from hoopsnake.heap.snapshot import Snapshot
from hoopsnake.report import units

# Fewer are what a program needs at any time.
_MANY = 50
_MOST_LOOKED_AT = 5_000
_NOUNS = {
    "_io.FileIO": ("file", "files"),
    "_socket.socket": ("socket", "sockets"),
    "mmap.mmap": ("mmap", "mmaps"),
    "sqlite3.Connection": ("database connection", "database connections"),
}
# What lies over a file or a socket and is one thing with it.
_LAYERS = re.compile(r"(\.(buffer|raw|_sock|_fp|_ssock)|\.<_io\.\w+>)+$")


def is_open(snapshot: Snapshot, number: int, depth: int = 3) -> bool | None:
    """Whether an object has a file or connection that is open; None: it has none, or nothing is
    known of it."""
    if _kind_of(snapshot, snapshot.type_of(number)):
        content = snapshot.core.content(number)
        return bool(content[1]) if content else None
    if depth == 0:
        return None
    for kind, counted, _, target in snapshot.core.referents(number):
        if counted and kind != EdgeKind.TYPE and _is_layer(snapshot, target):
            found = is_open(snapshot, target, depth - 1)
            if found is not None:
                return found
    return None


def _is_layer(snapshot: Snapshot, number: int) -> bool:
    row = snapshot.type_of(number)
    return row.name.startswith("_io.") or bool(_kind_of(snapshot, row))


def _kind_of(snapshot: Snapshot, row: HeapType) -> str:
    """The type that knows whether an object is open: its own, or one that it is derived from."""
    while row.name not in _NOUNS:
        if row.base is None:
            return ""
        row = snapshot.types[row.base]
    return row.name


def suspects(series: Series) -> list[Suspect]:
    """A fact, for each kind of which many are open."""
    if series.is_cut:
        return []
    found: dict[str, list[int]] = defaultdict(list)
    for kind, number in _open_ones(series.last):
        found[kind].append(number)
    return [
        _fact(series.last, kind, numbers)
        for kind, numbers in found.items()
        if len(numbers) >= _MANY
    ]


def _open_ones(snapshot: Snapshot) -> Iterator[tuple[str, int]]:
    for row in snapshot.types:
        kind = _kind_of(snapshot, row)
        if not kind:
            continue
        for number in memoryview(snapshot.core.objects_of_type(row.row)).cast("I"):
            content = snapshot.core.content(number)
            if content and content[1]:
                yield kind, number


def _fact(snapshot: Snapshot, kind: str, numbers: list[int]) -> Suspect:
    looked_at = numbers[:_MOST_LOOKED_AT]
    shapes = Counter(_LAYERS.sub("", snapshot.core.path(one, True)) for one in looked_at)
    shape, count = shapes.most_common(1)[0]
    example = next(
        one for one in looked_at if _LAYERS.sub("", snapshot.core.path(one, True)) == shape
    )
    place = place_of(snapshot, example)
    share = len(numbers) * count // len(looked_at)
    retained = sum(snapshot.retained_by(one) for one in looked_at)
    part = "all" if count == len(looked_at) else f"{share:,} of them"
    return Suspect(
        "environment",
        f"{units.plural(len(numbers), *_NOUNS[kind])} are open, {part} held by `{shape}`.",
        Holder(f"`{shape}`", place.kind, shape, place.file, place.line),
        kind,
        len(numbers),
        retained,
        "Each has a descriptor of the system, of which a process has a limited number: close them "
        "when they are done with, best by `with`. `hoop report --not-closed` names the lines that "
        "opened them, if the process was run by `hoop run`.",
        "high",
    )
