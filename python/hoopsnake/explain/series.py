# SPDX-License-Identifier: Apache-2.0
"""Snapshots of one process in the order of time, reduced to what each shape of path holds."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from hoopsnake._errors import HoopError
from hoopsnake.explain.model import Growth
from hoopsnake.explain.standard import is_standard_module
from hoopsnake.heap.layouts import Layout
from hoopsnake.heap.snapshot import Snapshot
from hoopsnake.heap.snapshot import open as open_snapshot

Progress = Callable[[str, float], object]

_LARGE = 1_000_000  # objects
# Snapshots of a series that are looked at: of large ones, fewer.
_MOST = 14
_LEAST = 4
_MOST_BYTES = 200_000_000
_TELLING = re.compile(r"-(collect|garbage|loop)\.hoop$")
# Containers that are followed from snapshot to snapshot: with so many entries, the fullest.
_FULL = 8
_MOST_CONTAINERS = 20_000


@dataclass(slots=True)
class Row:
    """Objects to which paths of one shape lead."""

    text: str
    count: int
    size: int
    retained: int
    type: str
    layout: int
    example: int
    shape: int
    above: int  # the shape of their holders; 0: none
    holders: int


@dataclass(slots=True)
class Point:
    """What is kept of a snapshot that is closed again."""

    path: str
    taken_ns: int
    trigger: str
    objects: int
    size: int
    rows: dict[str, Row]
    instances: dict[str, int]  # how many, of classes made at run time
    containers: dict[int, int]  # entries of the fullest, by address
    held_by_c: dict[str, tuple[int, int, int]]  # by type: objects, references, retained
    garbage: dict[str, int]  # by cycle: how many
    c_bytes: int  # in use by malloc()
    heap_bytes: int  # in use of Python's heap, where it is ours
    modules: int
    made_modules: int  # without a file, beyond those built in

    @property
    def loaded_modules(self) -> int:
        return self.modules - self.made_modules


class Series:
    """The last snapshot stays open; of those before it there is a Point each."""

    def __init__(self, points: list[Point], last: Snapshot, *, is_cut: bool = False) -> None:
        self.points = points
        self.last = last
        # It was cut before its end: what is there now had gone by then.
        self.is_cut = is_cut

    @property
    def now(self) -> Point:
        return self.points[-1]

    def until(self, number: int) -> Series:
        """The series as it was when this snapshot was its last."""
        points = self.points[: number + 1]
        return Series(points, open_snapshot(points[-1].path), is_cut=True)

    @property
    def richest(self) -> int:
        """The snapshot with most garbage; of several, the last."""
        amounts = [sum(point.garbage.values()) for point in self.points]
        return max(range(len(amounts)), key=lambda number: (amounts[number], number))

    def growth(self, text: str) -> Growth:
        rows = [point.rows.get(text) for point in self.points]
        return Growth(
            tuple(row.count if row else 0 for row in rows),
            tuple(row.retained if row else 0 for row in rows),
            self.seconds,
        )

    def entries_at(self, address: int) -> tuple[int, ...]:
        """Of the container at an address, in each snapshot; 0 where it is not among the fullest."""
        return tuple(point.containers.get(address, 0) for point in self.points)

    def sizes(self, text: str) -> list[int]:
        return [row.size if row else 0 for row in (p.rows.get(text) for p in self.points)]

    @cached_property
    def seconds(self) -> tuple[float, ...]:
        first = self.points[0].taken_ns
        return tuple((point.taken_ns - first) / 1e9 for point in self.points)

    @cached_property
    def settled(self) -> list[Point]:
        """The snapshots since the last import: what a program loads is no growth."""
        loaded = self.now.loaded_modules
        least = loaded - max(3, loaded // 50)
        before = [n for n, point in enumerate(self.points) if point.loaded_modules < least]
        return self.points[before[-1] + 1 if before else 0 :]


def read(paths: Sequence[str], progress: Progress | None = None) -> Series:
    """Open the snapshots of one process, the oldest first, and keep the last one open."""
    files = _of_one_process(paths)
    points: list[Point] = []
    for number, path in enumerate(files):
        snapshot = open_snapshot(path, progress=_nth(progress, number, len(files)))
        points.append(_point_of(snapshot))
        # Its modules refer back to it: without them it goes at once, and its memory with it.
        del snapshot.modules
    return Series(points, snapshot)


def _nth(progress: Progress | None, number: int, count: int) -> Progress | None:
    if progress is None or count == 1:
        return progress
    return lambda what, share: progress(f"snapshot {number + 1} of {count}: {what}", share)


def expand(names: Iterable[str]) -> list[str]:
    """Files, and the snapshots in directories."""
    files: list[str] = []
    for name in names:
        if os.path.isdir(name):
            inside = sorted(one for one in os.listdir(name) if one.endswith(".hoop"))
            if not inside:
                raise HoopError(f"no snapshot (*.hoop) is in {name!r}")
            files += [os.path.join(name, one) for one in inside]
        else:
            files.append(name)
    return files


def header_of(path: str) -> tuple[int, int]:
    """The process that a snapshot is of, and when it was taken, in ns."""
    try:
        with open(path, "rb") as file:
            header = file.read(64)
    except OSError as error:
        raise HoopError(f"{path}: {error.strerror}") from None
    if len(header) < 64 or header[:8] != b"HOOPSNAP":
        raise HoopError(f"{path}: no snapshot of Hoopsnake's")
    return int.from_bytes(header[16:20], "little"), int.from_bytes(header[24:32], "little")


def by_process(paths: Sequence[str]) -> dict[int, list[str]]:
    """Files of each process, the oldest first; the process with most bytes first."""
    found: dict[int, list[tuple[int, str]]] = {}
    for path in paths:
        pid, taken = header_of(path)
        found.setdefault(pid, []).append((taken, path))
    ordered = sorted(found, key=lambda pid: -max(os.path.getsize(p) for _, p in found[pid]))
    return {pid: [path for _, path in sorted(found[pid])] for pid in ordered}


def _of_one_process(paths: Sequence[str]) -> list[str]:
    groups = by_process(paths)
    if len(groups) > 1:
        pids = ", ".join(str(pid) for pid in groups)
        raise HoopError(f"these are snapshots of several processes ({pids}); give those of one")
    files = next(iter(groups.values()))
    fitting = _MOST_BYTES // max(os.path.getsize(files[-1]), 1)
    return _thinned(files, max(_LEAST, min(_MOST, fitting)))


def _thinned(files: list[str], most: int) -> list[str]:
    """The first and the last, the largest, those before something went, and some others."""
    if len(files) <= most:
        return files
    before_loss = [one for one in files[1:-1] if _TELLING.search(one)]
    largest = max(files[1:-1], key=os.path.getsize)
    telling = {*before_loss[:1], *before_loss[-2:], largest}
    others = [one for one in files if one not in telling]
    places = max(2, most - len(telling))
    chosen = {others[(len(others) - 1) * i // (places - 1)] for i in range(places)}
    return [one for one in files if one in chosen or one in telling]


def _point_of(snapshot: Snapshot) -> Point:
    totals = snapshot.top("type")
    size = sum(total.size for total in totals)
    made = {kind.name for kind in snapshot.types if kind.made_at_run_time}
    return Point(
        snapshot.path,
        snapshot.taken_ns,
        snapshot.meta.get("trigger", ""),
        len(snapshot),
        size,
        _rows_of(snapshot, size),
        {total.name: total.count for total in totals if total.name in made},
        {address: used for _, address, used in snapshot.core.fullest(_FULL, _MOST_CONTAINERS)},
        {
            snapshot.types[row].name: (objects, references, retained)
            for row, objects, references, retained, _ in snapshot.core.held_by_c_totals()
        },
        {
            group.cycle: group.count - group.held
            for group in snapshot.cycles()
            if group.held < group.count
        },
        snapshot.memory.get("C library: in use", 0),
        snapshot.memory.get("heap: live blocks", 0),
        len(snapshot.modules),
        sum(1 for one in snapshot.modules.values() if is_made_module(snapshot, one.id)),
    )


def _rows_of(snapshot: Snapshot, size: int) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    least = max(256, size // 200_000)
    count = 2 if len(snapshot) < _LARGE else 50
    for shape, above, holders, number, own, retained, type_row, example in snapshot.core.shapes(
        least, count
    ):
        text = snapshot.core.path(example, True)
        kind = snapshot.types[type_row]
        old = rows.get(text)
        if old is not None and old.shape == above:
            # A cell and what is in it have one name.
            old.type, old.layout, old.example = kind.name, kind.layout, example
        elif old is None:
            rows[text] = Row(
                text, number, own, retained, kind.name, kind.layout, example, shape, above, holders
            )
        else:
            old.count += number
            old.size += own
            # Links of a chain have one name, and each retains those after it.
            is_inside = old.example in snapshot.core.path_objects(example)
            old.retained = max(old.retained, retained) if is_inside else old.retained + retained
    return rows


def is_made_module(snapshot: Snapshot, number: int) -> bool:
    """A module that came from no file and is not built in: the program made it."""
    label = snapshot.core.label(number)
    if label is None or label[2]:
        return False
    kind = snapshot.type_of(number)
    if kind.layout != Layout.MODULE:
        return False
    return not is_standard_module(label[0])
