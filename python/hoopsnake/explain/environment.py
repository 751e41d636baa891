# SPDX-License-Identifier: Apache-2.0
"""What no line of the program is to blame for: this Python, memory not given back, data that is
just large."""

from __future__ import annotations

from hoopsnake.explain.describe import closure_to_blame, holder_of
from hoopsnake.explain.fixes import cache_fix, closure_fix, entry_fix
from hoopsnake.explain.model import Holder, Suspect
from hoopsnake.explain.payload import Payload
from hoopsnake.explain.places import short_name
from hoopsnake.explain.series import Row, Series
from hoopsnake.heap.layouts import Layout
from hoopsnake.heap.model import HeapType
from hoopsnake.report import units

_LARGE_SHARE = 0.2
_LEAST_LARGE = 1 << 20
_MUCH_UNUSED = 16 << 20
_ALL_AT_ONCE = (
    "If it need not be there all at once, let go of what is done with (`del`, `close()`); `hoop "
    "advise {file}` says what would make it smaller."
)
_INCREMENTAL = ("3.14.0", "3.14.1", "3.14.2", "3.14.3", "3.14.4")


def suspects(series: Series) -> list[Suspect]:
    """Facts of the process that explain memory which no line of the program holds."""
    snapshot = series.last
    found = []
    if snapshot.python in _INCREMENTAL:
        found.append(
            _fact(
                f"Python {snapshot.python} collects in increments",
                f"Python {snapshot.python} collects in increments and lets garbage in cycles grow.",
                "3.14.5 went back to generations: upgrade before you look for a leak.",
                0,
            )
        )
    memory = snapshot.memory
    resident = memory.get("resident", 0)
    free = memory.get("heap: free", 0)
    if free > 0.2 * resident and free > _MUCH_UNUSED:
        found.append(
            _fact(
                "free blocks of the heap",
                f"{units.size(free)} of {units.size(resident)} resident are free blocks of the "
                "heap: given back in the seconds that follow, or pinned by single objects.",
                "`hoopsnake.trim()` gives back at once what can be; call `hoopsnake.epoch()` when "
                "the start-up is over, so that what lives on does not share pages with what goes.",
                free,
            )
        )
    libc = memory.get("C library: in use", 0)
    if libc > 0.4 * resident and libc > _MUCH_UNUSED:
        found.append(
            _fact(
                "memory of C code",
                f"{units.size(libc)} of {units.size(resident)} resident are allocated by C code "
                "with malloc(): no Python object has them.",
                "Look at what the loaded extensions keep: buffers, caches, models.",
                libc,
            )
        )
    return found


def _fact(name: str, sentence: str, fix: str, size: int) -> Suspect:
    holder = Holder(name, "process", name)
    return Suspect("environment", sentence, holder, "", 1, size, fix, "high")


def large(series: Series) -> list[Suspect]:
    """The largest thing there is, when nothing is wrong: large, and needed perhaps."""
    snapshot = series.last
    if snapshot.size < _LEAST_LARGE:
        return []
    rows = [
        row
        for row in series.now.rows.values()
        if row.count >= 3
        and row.retained >= max(_LARGE_SHARE * snapshot.size, _LEAST_LARGE)
        and row.count >= 3 * max(row.holders, 1)
        and not row.text.startswith(("garbage", "held by C", "<interpreter>"))
    ]
    if not rows:
        return []
    row = _in_cache(series, min(rows, key=lambda one: len(one.text)))
    place, cell = closure_to_blame(snapshot, holder_of(snapshot, row.example), row.example)
    telling = Payload(snapshot, row.example if cell is None else cell).telling
    share = row.retained / max(snapshot.size, 1)
    where = f", {place.holder.place}" if place.holder.place else ""
    all_objects = "all objects at the height of the run" if series.is_cut else "all objects"
    verb = "were" if series.is_cut else "are"
    needed = "" if series.is_cut else "; nothing says that they are not needed"
    return [
        Suspect(
            "large",
            f"{row.count:,} `{short_name(telling)}` ({units.size(row.retained)}, {share:.0%} of "
            f"{all_objects}) {verb} kept by {place.name}{where}{needed}.",
            Holder(place.name, place.kind, place.path, place.file, place.line),
            telling,
            row.count,
            row.retained,
            (closure_fix() if cell is not None else "")
            or (cache_fix(place) if place.kind == "lru_cache" else "")
            or entry_fix(_kind(series, row).layout, _kind(series, row).name)
            or _ALL_AT_ONCE.format(file=series.last.path),
            "low",
            weight=0.0,
        )
    ]


def _in_cache(series: Series, outer: Row) -> Row:
    """Of what lies in objects that have caches of their own, what is in these, if that is most."""
    caches = {
        row.shape
        for row in series.now.rows.values()
        if row.layout == Layout.LRU_CACHE and row.shape
    }
    inner = [
        row
        for row in series.now.rows.values()
        if row.above in caches and row.text.startswith(outer.text)
        if row.retained > outer.retained / 2
    ]
    return max(inner, key=lambda row: row.retained, default=outer)


def _kind(series: Series, row: Row) -> HeapType:
    return series.last.types[series.last.core.object(row.example)[1]]
