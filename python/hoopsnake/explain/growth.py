# SPDX-License-Identifier: Apache-2.0
"""What grows from snapshot to snapshot: entries of which there are more each time while their
holder stays one.

Nothing here knows what a list or a cache is: only how many objects a path of one shape leads to,
and how many its holder's path does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from hoopsnake.explain.model import Growth
from hoopsnake.explain.series import Row, Series
from hoopsnake.explain.standard import FINALIZERS, PATHS_OF_IMPORTS, is_of_standard_module
from hoopsnake.heap.layouts import EdgeKind, Layout
from hoopsnake.heap.snapshot import Snapshot

# Fewer are not worth a word, unless they are large.
_FEW = 5
_MANY = 10
_LARGE = 100_000
_LEAST_BYTES = 4_000
_OFTEN = 4  # rises
_FLAT_STEPS = 3
_FLAT_SHARE = 1 / 3
_GARBAGE = 4  # the root of garbage
_LEAST_BYTES_OF_LIGHT = 12_000  # weak references
# Parts of the program's text.
_OF_CODE = re.compile(
    r"\.__code__\b|\.co_(consts|names|varnames|linetable)\b|\.__doc__|__dict__\{key\}"
)
# Of all that grows, a suspect is at least so much.
_LEAST_SHARE = 0.05
_LEAST_SHARE_OF_ALL = 0.1
_MUCH = 2 << 20
_PLAIN_LEAST: dict[int, int] = {
    **dict.fromkeys((Layout.STR, Layout.BYTES, Layout.INT, Layout.FLOAT), 48_000),
    **dict.fromkeys((Layout.LIST, Layout.DICT, Layout.TUPLE, Layout.SET), 24_000),
}
_MOST_LOOKED_AT = 1000
_STILL = 4  # of the last snapshots, not all are the same


@dataclass(slots=True)
class Frontier:
    """Entries that get more while their holder does not."""

    row: Row
    above: Row | None
    growth: Growth
    gained: int  # bytes retained


def find_growth(series: Series) -> list[Frontier]:
    """Those that gained most first."""
    if len(series.points) < 2:
        return []
    above = {row.shape: row for row in series.now.rows.values()}
    found = [
        frontier
        for row in series.now.rows.values()
        if (frontier := _frontier(series, row, above.get(row.above)))
    ]
    found += _containers_that_fill(series, found)
    found = [one for one in found if not _is_of_no_concern(one.row) and _are_more(series, one)]
    found = [one for one in found if not _looks_at_garbage(series, one.row)]
    found.sort(key=_order)
    found = list(_outermost(found))
    all_gained = _gained_in_all(series)
    least = _LEAST_SHARE_OF_ALL * all_gained if all_gained > _MUCH else 0
    found = [one for one in found if one.gained >= least or _is_thread(one.row)]
    strong = [one for one in found if one.row.layout != Layout.WEAK_REFERENCE]
    found = strong or found
    total = sum(one.gained for one in found)
    return [one for one in found if one.gained >= _LEAST_SHARE * total or _is_thread(one.row)]


def _are_more(series: Series, one: Frontier) -> bool:
    """Where the holder has more of a class, there are more of it: they did not just move there."""
    name = one.row.type
    if name not in series.now.instances:
        return True
    counts = one.growth.counts
    totals = [point.instances.get(name, 0) for point in series.points]
    steps = list(zip(pairwise(counts), pairwise(totals), strict=True))
    rises = [total for (before, after), total in steps if after > before]
    return sum(after > before for before, after in rises) * 2 > len(rises)


def _is_of_no_concern(row: Row) -> bool:
    """Threads that have ended, modules, what imports remember of folders, parts of `tee`, and
    weak references of the standard library."""
    if row.layout == Layout.WEAK_REFERENCE:
        return is_of_standard_module(row.text)
    if row.layout == Layout.MODULE or "itertools._tee_dataobject" in row.type + row.text:
        return True  # `kept` looks at them
    if row.text.startswith(FINALIZERS):
        return True  # one for each object that lives; `kept` looks for many of one object
    if row.text.startswith(PATHS_OF_IMPORTS):
        return True
    return row.type == "threading.Thread" and not _is_thread(row)


def _looks_at_garbage(series: Series, row: Row) -> bool:
    """Weak references to what waits for the collector go with it."""
    if row.layout != Layout.WEAK_REFERENCE:
        return False
    edges = series.last.core.referents(row.example)
    targets = [one for kind, _, _, one in edges if kind == EdgeKind.WEAK]
    return any(_root_of(series, one) == _GARBAGE for one in targets)


def _root_of(series: Series, number: int) -> int:
    core = series.last.core
    return core.object(core.path_steps(number)[0][0])[8]


def _is_thread(row: Row) -> bool:
    """One that runs: what it keeps is its frames', not its own. One that ended keeps little."""
    return row.text.startswith("threading._active[")


def _containers_that_fill(series: Series, found: list[Frontier]) -> list[Frontier]:
    """Containers that have more entries each time, whatever path led to them at the moment.

    What is known already gets its numbers by them where they say more.
    """
    core = series.last.core
    known = {core.path_steps(one.row.example)[-2][0]: one for one in found if one.above is not None}
    more: list[Frontier] = []
    settled = len(series.settled)
    for address in series.now.containers:
        counts = series.entries_at(address)
        # What is filled while modules are loaded has an end.
        if not keeps_rising(counts[-settled:]) or counts[-1] - counts[-settled] < _MANY:
            continue
        container = core.find(address)
        if container is None or _is_namespace(series, container):
            continue
        one = _filling(series, container, counts)
        if one is None:
            continue
        if container not in known:
            more.append(one)
        elif one.growth.rises > known[container].growth.rises:
            known[container].growth = one.growth
    return more


def _is_namespace(series: Series, container: int) -> bool:
    """Of a module, a class or an instance: its entries are names."""
    steps = series.last.core.path_steps(container)
    kind = steps[-1][1]
    return kind == EdgeKind.DICT or len(steps) == 1 or steps[-1][2].endswith(".__dict__")


def _filling(series: Series, container: int, counts: tuple[int, ...]) -> Frontier | None:
    snapshot = series.last
    entries = [
        one
        for kind, _, _, one in snapshot.core.referents(container)
        if kind in (EdgeKind.ITEM, EdgeKind.VALUE, EdgeKind.MEMBER)
    ]
    own = [one for one in entries[-_MOST_LOOKED_AT:] if _leads_to(snapshot, container, one)]
    if not own or counts[-1] <= counts[-_STILL:][0]:
        return None
    example = max(own, key=snapshot.retained_by)
    retained = snapshot.retained_by(container) - snapshot.core.object(container)[2]
    growth = Growth(counts, tuple(retained * n // counts[-1] for n in counts), series.seconds)
    gained = growth.retained[-1] - min(growth.retained)
    kind = snapshot.type_of(example)
    text = snapshot.core.path(example, True)
    row = Row(text, len(entries), 0, retained, kind.name, kind.layout, example, 0, 0, 1)
    if not _is_told(row) and not _is_of_callback(snapshot, row):
        return None
    if not _is_growth(series, row, growth, gained):
        return None
    holder = snapshot.type_of(container)
    path = snapshot.core.path(container, True)
    above = Row(path, 1, 0, retained, holder.name, holder.layout, container, 0, 0, 1)
    return Frontier(row, above, growth, gained)


def _is_of_callback(snapshot: Snapshot, row: Row) -> bool:
    """C code holds an object of the program's own, as `sys.setprofile` does, and that the rest."""
    first = snapshot.type_of(snapshot.core.path_steps(row.example)[0][0])
    module = snapshot.modules.get(first.module)
    label = snapshot.core.label(module.id) if module else None
    is_compiled = label is None or label[2].endswith(".so")
    is_own = first.made_at_run_time and first.layout == Layout.INSTANCE and not is_compiled
    return row.text.startswith("held by C") and is_own and not _OF_CODE.search(row.text)


def _leads_to(snapshot: Snapshot, container: int, entry: int) -> bool:
    """The entry is known by the container, and by nothing nearer."""
    steps = snapshot.core.path_steps(entry)
    return len(steps) > 1 and steps[-2][0] == container


def _gained_in_all(series: Series) -> int:
    """Bytes that all objects together gained since the last import."""
    sizes = [point.size for point in series.settled]
    return sizes[-1] - min(sizes)


def _order(one: Frontier) -> float:
    """Most gained first; of a dict rather its values than its keys."""
    return -one.gained * (0.2 if one.row.text.endswith("{key}") else 1.0)


def _frontier(series: Series, row: Row, above: Row | None) -> Frontier | None:
    if not _is_told(row):
        return None
    growth = series.growth(row.text)
    gained = growth.retained[-1] - min(growth.retained)
    more = growth.counts[-1] - min(growth.counts)
    if more < _FEW and not (more >= 3 and gained >= _LARGE):
        return None
    if not _is_growth(series, row, growth, gained):
        return None
    if above is not None and _is_of_fixed_length(series, row, above):
        return None
    grows_alone = above is None or _outgrows(series, row, above)
    if not row.text.startswith("closure cell"):
        return Frontier(row, above, growth, gained) if grows_alone else None
    if grows_alone and not _functions_multiply(series, row):
        return Frontier(row, above, growth, gained)
    found = _grown_on_the_way(series, row)
    if found is None:
        # It came with its function; who holds that, nothing shows.
        return Frontier(row, None, growth, gained // 500 + 1) if gained >= _LARGE else None
    row, above = found
    return Frontier(row, above, growth, gained)


def _is_told(row: Row) -> bool:
    """Not what others look after, nor parts of the program's text."""
    if row.layout == Layout.CODE or row.text.startswith(("garbage", "held by C")):
        return False
    return not _OF_CODE.search(row.text)


def _is_growth(series: Series, row: Row, growth: Growth, gained: int) -> bool:
    if gained < _least(series, row):
        return False
    return _rises(series, growth, gained) and not _is_garbage(series, row)


def _least(series: Series, row: Row) -> float:
    """Bytes below which a gain is not worth a word: texts and numbers are many, and shared; plain
    lists and dicts are what any program builds its result of."""
    if row.layout == Layout.WEAK_REFERENCE:
        return _LEAST_BYTES_OF_LIGHT
    if row.layout not in _PLAIN_LEAST or "." in row.type:
        return _LEAST_BYTES
    # Fewer, where they are most of what the process gained.
    least = min(_PLAIN_LEAST[row.layout], _gained_in_all(series) / 2)
    return max(_LEAST_BYTES, least, series.now.size / 1000)


def _functions_multiply(series: Series, row: Row) -> bool:
    """There are more and more of the function whose closure this is in."""
    cell = row.text.partition(": ")[0]
    return _gain(series.growth(cell).counts) >= _FEW


def _grown_on_the_way(series: Series, row: Row) -> tuple[Row, Row] | None:
    """What a closure lies in: the first on its path of which there are more each time."""
    snapshot = series.last
    texts = [snapshot.core.path(one, True) for one, _, _ in snapshot.core.path_steps(row.example)]
    for before, text in pairwise(texts):
        one, above = series.now.rows.get(text), series.now.rows.get(before)
        if one is None or above is None or one.count < _FEW:
            continue
        if text.startswith("closure cell"):
            break
        if keeps_rising(series.growth(text).counts) and _outgrows(series, one, above):
            return one, above
    return None


def keeps_rising(counts: tuple[int, ...]) -> bool:
    """More in at least two steps, never far fewer, and not at a standstill since long."""
    steps = list(pairwise(counts))
    rises = [number for number, (before, after) in enumerate(steps) if after > before]
    if len(rises) < 2:
        return False
    highest = max(counts)
    if counts[-1] < 0.9 * highest:
        return False
    # What comes and goes while there are few says nothing.
    return all(after >= 0.8 * before or before <= 0.1 * highest for before, after in steps)


def _is_garbage(series: Series, row: Row) -> bool:
    """Only garbage leads there: `delayed` looks after it."""
    return _root_of(series, row.example) == _GARBAGE


def _rises(series: Series, growth: Growth, gained: int) -> bool:
    """Again and again, not only with what the program loads, and to the end."""
    counts = growth.counts
    if not _rises_between_imports(series, counts) or _levels_off(series, counts):
        return False
    settled = counts[-len(series.settled) :]
    if keeps_rising(settled if len(settled) >= 3 else counts):
        return True
    return len(settled) >= 2 and _leaps(series, settled, gained)


def _rises_between_imports(series: Series, counts: tuple[int, ...]) -> bool:
    """Not only as modules are loaded, nor, where it rises often, mostly then."""
    modules = [point.loaded_modules for point in series.points]
    loaded = [
        later - earlier
        for (before, after), (earlier, later) in zip(
            pairwise(counts), pairwise(modules), strict=True
        )
        if after > before
    ]
    if len(loaded) >= _OFTEN:
        return 2 * sum(more <= 0 for more in loaded) >= len(loaded)
    return any(more <= 1 for more in loaded)


def _levels_off(series: Series, counts: tuple[int, ...]) -> bool:
    """No more of them in the last steps in which the program went on, and took nothing down."""
    flat = 0
    steps = list(zip(pairwise(counts), pairwise(series.points), strict=True))
    for (before, after), (earlier, later) in reversed(steps):
        if after > before:
            break
        went_on = later.objects > earlier.objects - _FEW
        flat += went_on and later.trigger not in ("exit", "collect", "garbage", "loop")
    return flat >= max(_FLAT_STEPS, _FLAT_SHARE * (len(series.settled) - 1))


def _leaps(series: Series, counts: tuple[int, ...], gained: int) -> bool:
    """Once only, but many times over, and it is most of what the process has gained."""
    sizes = [point.size for point in series.settled]
    first = next((count for count in counts if count), 0)
    return (
        first >= _FEW
        and counts[-1] >= max(counts)
        and counts[-1] >= 2 * first
        and gained >= 0.5 * (sizes[-1] - min(sizes)) > 0
    )


def _is_of_fixed_length(series: Series, row: Row, above: Row) -> bool:
    """A list that was made in full before it is filled: its own size stays."""
    if above.layout != Layout.LIST or above.count != 1:
        return False
    counts = series.growth(row.text).counts
    own = [size for size, count in zip(series.sizes(above.text), counts, strict=True) if count]
    first = next((n for n in counts if n), 0)
    # One that is appended to has room for an eighth more.
    return counts[-1] >= 1.25 * first + 8 and len(set(own)) == 1


def _outgrows(series: Series, row: Row, above: Row) -> bool:
    """The entries get more, and not just with their holders."""
    more = _gain(series.growth(row.text).counts)
    more_holders = _gain(series.growth(above.text).counts)
    return more > 2 * more_holders


def _gain(counts: tuple[int, ...]) -> int:
    return counts[-1] - min(counts)


def _outermost(found: list[Frontier]) -> Iterator[Frontier]:
    """Without what grows inside of something else that grows, and explains it."""
    kept: list[Frontier] = []
    for one in found:
        inside = any(
            one.row.text.startswith(other.row.text) and one.gained <= 1.05 * other.gained
            for other in kept
        )
        same_holder = any(
            other.above is not None and one.above is not None and other.above is one.above
            for other in kept
        )
        if inside or same_holder:
            continue
        kept.append(one)
        yield one


def find_swelling(series: Series) -> list[tuple[Row, list[int]]]:
    """Single objects that get larger themselves: a bytearray, a list of shared objects."""
    found = []
    for row in series.now.rows.values():
        if row.count != 1 or row.layout in (Layout.MODULE, Layout.TYPE):
            continue
        sizes = series.sizes(row.text)
        if sizes[-1] - min(sizes) < 64_000 or not keeps_rising(tuple(sizes)):
            continue
        found.append((row, sizes))
    found.sort(key=lambda one: one[1][0] - one[1][-1])
    return found
