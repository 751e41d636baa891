# SPDX-License-Identifier: Apache-2.0
"""What one snapshot shows by its structure alone: objects that hold their own weak keys, caches
whose keys are instances, default arguments that were filled, exceptions, frames and unfinished
generators in containers, what lies in gc.garbage."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from hoopsnake.explain.describe import is_resurrected, of_entries
from hoopsnake.explain.fixes import weak_mapping_fix
from hoopsnake.explain.growth import keeps_rising
from hoopsnake.explain.model import Growth, Suspect
from hoopsnake.explain.places import place_of, short_name
from hoopsnake.explain.series import Row, Series, is_made_module
from hoopsnake.explain.standard import FINALIZERS, is_standard
from hoopsnake.explain.still_open import is_open
from hoopsnake.heap.layouts import CONTAINERS, ENTRIES, EdgeKind, Layout
from hoopsnake.heap.snapshot import Snapshot

# Kinds of objects that are seldom kept on purpose, and how many of them in one container are odd.
_ODD_ENTRIES = {
    Layout.EXCEPTION: 5,
    Layout.TRACEBACK: 3,
    Layout.FRAME: 3,
    Layout.GENERATOR: 5,
}
# What has to be closed or waited for, of the standard library.
_OF_SYSTEM = re.compile(
    r"_io\.(TextIOWrapper|Buffered\w+|FileIO)|socket\.socket|ssl\.SSLSocket|subprocess\.Popen|"
    r"sqlite3\.Connection|mmap\.mmap|_?asyncio[.\w]*\.?(Task|Future)|concurrent\.futures\.\S+Future"
)
_MANY_OF_SYSTEM = 5
_MANY_OWNERS = 20
_FEW_RESURRECTED = 3
_MANY_WAITING = 10
_LEAST_FILLED = 10
_MANY_FINALIZERS = 10
_FAR_MORE_FINALIZERS = 50
_FEW_INSTANCES = 5  # in a cache without a bound
_LEAST_CACHE_BYTES = 4_000
_MANY_THREADS = 3
_MANY_ENDED = 5  # threads
_MOST_THREADS = 5_000
_MOST_TABLES = 20_000
_LEAST_VARIABLES = 10
_LEAST_TEE_BYTES = 100_000
_LEAST_DEFAULT_BYTES = 10_000


# Kinds of holders of which the structure says more than that they grow.
_SAYS_MORE = ("table of threads",)


def suspects(series: Series, known: Sequence[Suspect]) -> list[Suspect]:
    snapshot = series.last
    named = {one.holder.path: one for one in known}
    found: list[Suspect] = []
    for one in _all(series, snapshot):
        before = named.setdefault(one.holder.path, one)
        if before is one:
            found.append(one)
        elif one.holder.kind in _SAYS_MORE:
            found.append(replace(one, growth=before.growth, weight=before.weight + 1))
    return found


def _all(series: Series, snapshot: Snapshot) -> Iterator[Suspect]:
    yield from _garbage_list(snapshot)
    yield from _caches_of_methods(snapshot)
    yield from _weak_mappings(snapshot)
    yield from _filled_defaults(snapshot)
    yield from _odd_entries(series, snapshot)
    yield from _resurrected(series, snapshot)
    yield from _owners_of_open(series, snapshot)
    yield from _waiting_tasks(snapshot)
    yield from _last_errors(series, snapshot)
    yield from _made_context_variables(snapshot)
    yield from _thread_locals(snapshot)
    yield from _tables_of_threads(series, snapshot)
    yield from _repeated_finalizers(series, snapshot)
    yield from _slow_tees(snapshot)
    yield from _made_modules(series, snapshot)


def _garbage_list(snapshot: Snapshot) -> Iterator[Suspect]:
    module = snapshot.modules.get("gc")
    found = _in_namespace(snapshot, module.id, "garbage") if module else None
    entries = _entries(snapshot, found) if found is not None else []
    if found is None or not entries:
        return
    place = place_of(snapshot, found)
    place.name, place.path, place.kind = "`gc.garbage`", "gc.garbage", "gc.garbage"
    retained = sum(snapshot.retained_by(one) for one in entries)
    yield of_entries(snapshot, place, entries[0], len(entries), retained)


def _caches_of_methods(snapshot: Snapshot) -> Iterator[Suspect]:
    """Each key of such a cache is a tuple of arguments, and the first is an instance."""
    for cache in _of_layout(snapshot, Layout.LRU_CACHE):
        table = next(
            (
                target
                for _, _, _, target in snapshot.core.referents(cache)
                if snapshot.layout_of(target) == Layout.DICT and not _is_namespace(snapshot, target)
            ),
            None,
        )
        if table is None:
            continue
        keys = [one for kind, _, _, one in snapshot.core.referents(table) if kind == EdgeKind.KEY]
        instances = [key for key in keys if _first_is_instance(snapshot, key)]
        if not instances:
            continue
        label = snapshot.core.label(cache)
        is_bounded = label is not None and label[4] != 0
        if not is_bounded and len(instances) < _FEW_INSTANCES:
            continue
        retained = max(snapshot.retained_by(one) for one in (cache, table))
        if retained < _LEAST_CACHE_BYTES:
            continue
        largest = max(instances, key=lambda one: snapshot.retained_by(one))
        yield of_entries(snapshot, place_of(snapshot, cache), largest, len(instances), retained)


def _is_namespace(snapshot: Snapshot, number: int) -> bool:
    return any(kind == EdgeKind.DICT for kind, _, _, _ in snapshot.core.referrers(number, 3))


def _first_is_instance(snapshot: Snapshot, key: int) -> bool:
    first = key
    if snapshot.layout_of(key) in (Layout.TUPLE, Layout.LIST):
        items = [one for kind, _, _, one in snapshot.core.referents(key) if kind == EdgeKind.ITEM]
        if not items:
            return False
        first = items[0]
    row = snapshot.type_of(first)
    own = row.layout in (Layout.INSTANCE, Layout.OTHER) and row.made_at_run_time
    return own and not is_standard(row.name)


def _weak_mappings(snapshot: Snapshot) -> Iterator[Suspect]:
    """Entries of a WeakKeyDictionary whose value leads to their own weak key."""
    for row in snapshot.type_rows("weakref.WeakKeyDictionary"):
        for mapping in memoryview(snapshot.core.objects_of_type(row)).cast("I"):
            own = _values_that_hold_their_key(snapshot, mapping)
            if len(own) < 3:
                continue
            yield of_entries(
                snapshot,
                place_of(snapshot, mapping),
                max(own, key=lambda one: snapshot.retained_by(one)),
                len(own),
                sum(snapshot.retained_by(one) for one in own),
                fix=weak_mapping_fix("WeakKeyDictionary"),
                evidence=["each value refers to its own weak key"],
            )


def _values_that_hold_their_key(snapshot: Snapshot, mapping: int) -> list[int]:
    data = _attribute(snapshot, mapping, "data")
    own: list[int] = []
    for before, after in pairwise(snapshot.core.referents(data) if data is not None else []):
        if before[0] != EdgeKind.KEY or after[0] != EdgeKind.VALUE:
            continue
        key = _weak_target(snapshot, before[3])
        if key is not None and _leads_to(snapshot, after[3], key):
            own.append(after[3])
    return own


def _leads_to(snapshot: Snapshot, start: int, goal: int) -> bool:
    seen, waiting = {start}, [start]
    while waiting and len(seen) < 300:
        for kind, counted, _, target in snapshot.core.referents(waiting.pop()):
            if not counted or kind == EdgeKind.TYPE:
                continue
            if target == goal:
                return True
            if target not in seen and snapshot.layout_of(target) not in _SHARED:
                seen.add(target)
                waiting.append(target)
    return False


_SHARED = (Layout.MODULE, Layout.TYPE, Layout.FUNCTION, Layout.CODE)


def _filled_defaults(snapshot: Snapshot) -> Iterator[Suspect]:
    for function in _of_layout(snapshot, Layout.FUNCTION):
        for _, _, text, defaults in snapshot.core.referents(function):
            if text not in (".__defaults__", ".__kwdefaults__"):
                continue
            for kind, _, _, value in snapshot.core.referents(defaults):
                if (
                    kind in (EdgeKind.ITEM, EdgeKind.VALUE)
                    and snapshot.layout_of(value) in CONTAINERS
                ):
                    yield from _filled_default(snapshot, value)


def _filled_default(snapshot: Snapshot, container: int) -> Iterator[Suspect]:
    used = snapshot.core.capacity(container)
    retained = snapshot.retained_by(container)
    if used is None or used[0] < _LEAST_FILLED or retained < _LEAST_DEFAULT_BYTES:
        return
    place = place_of(snapshot, container)
    if place.kind == "default argument":
        entries = _entries(snapshot, container)
        if entries:
            yield of_entries(snapshot, place, _largest(snapshot, entries), used[0], retained)


def _odd_entries(series: Series, snapshot: Snapshot) -> Iterator[Suspect]:
    for row in series.now.rows.values():
        least = _ODD_ENTRIES.get(Layout(row.layout)) if row.layout in _ODD_ENTRIES else None
        if _OF_SYSTEM.search(row.type):
            least = None if series.is_cut else _MANY_OF_SYSTEM
        if least is None or row.count < least - 1 or row.count < 3 * max(row.holders, 1):
            continue
        if row.text.startswith(("garbage", "held by C")):
            continue
        container = _container_of(snapshot, row)
        if container is None:
            continue
        # A variable that still refers to one of them is a shorter path to it.
        count = _entries_like(snapshot, container, row) if row.holders == 1 else row.count
        if count < least:
            continue
        place = place_of(snapshot, container)
        if place.is_working_data:
            continue
        if row.layout not in _ODD_ENTRIES and not _is_finished(snapshot, row):
            continue
        if row.layout == Layout.EXCEPTION and not _has_traceback(snapshot, row.example):
            continue
        retained = row.retained * count // row.count
        yield of_entries(snapshot, place, row.example, count, retained)


def _entries_like(snapshot: Snapshot, container: int, row: Row) -> int:
    """Entries of the same type, on whatever path they were counted."""
    entries = _entries(snapshot, container)
    return sum(1 for one in entries if snapshot.type_of(one).name == row.type)


def _resurrected(series: Series, snapshot: Snapshot) -> Iterator[Suspect]:
    """Objects that were finalized and live all the same: their `__del__` put them somewhere."""
    for row in series.now.rows.values():
        if row.layout != Layout.INSTANCE or row.count < _FEW_RESURRECTED:
            continue
        container = _container_of(snapshot, row)
        if container is not None and is_resurrected(snapshot, row.example):
            place = place_of(snapshot, container)
            yield of_entries(snapshot, place, row.example, row.count, row.retained)


def _owners_of_open(series: Series, snapshot: Snapshot) -> Iterator[Suspect]:
    """Instances of the program's own, each with a connection or a file, many in one container."""
    if series.is_cut:
        return
    for row in series.now.rows.values():
        if row.layout != Layout.INSTANCE or row.count < _MANY_OWNERS:
            continue
        if is_standard(row.type) or row.count < 3 * max(row.holders, 1):
            continue
        container = _container_of(snapshot, row)
        name = _open_attribute(snapshot, row.example)
        if container is not None and name:
            evidence = [f"each has an open `{name}`"]
            place = place_of(snapshot, container)
            yield of_entries(
                snapshot, place, row.example, row.count, row.retained, evidence=evidence
            )


def _open_attribute(snapshot: Snapshot, instance: int) -> str:
    """The type of what is open in one of its attributes."""
    for value in _attributes(snapshot, instance):
        name = snapshot.type_of(value).name
        is_of_system = _OF_SYSTEM.fullmatch(name) and not name.endswith(("Task", "Future"))
        if is_of_system and is_open(snapshot, value) is not False:
            return name
    return ""


def _waiting_tasks(snapshot: Snapshot) -> Iterator[Suspect]:
    """Tasks that wait for one and the same thing, and that nothing else holds."""
    by_waiters: dict[int, list[int]] = {}
    for name in ("_asyncio.Task", "asyncio.tasks.Task"):
        for row in snapshot.type_rows(name):
            for task in memoryview(snapshot.core.objects_of_type(row)).cast("I"):
                waiters = _waiters_of(snapshot, task)
                if waiters is not None:
                    by_waiters.setdefault(waiters, []).append(task)
    for waiters, tasks in by_waiters.items():
        if len(tasks) >= _MANY_WAITING:
            place = place_of(snapshot, waiters)
            place.kind = "waiters"
            retained = sum(snapshot.retained_by(one) for one in tasks)
            evidence = ["nothing else holds them: they end when what they wait for comes"]
            largest = max(tasks, key=snapshot.retained_by)
            yield of_entries(snapshot, place, largest, len(tasks), retained, evidence=evidence)


def _waiters_of(snapshot: Snapshot, task: int) -> int | None:
    """The deque of an event or a lock through which alone this task is reached."""
    for one, _, text in snapshot.core.path_steps(task):
        if text in ("._waiters", "['_waiters']"):  # before 3.11 its dict is on the path
            return one
    return None


def _is_finished(snapshot: Snapshot, row: Row) -> bool:
    """Of tasks and futures, one that has a result; of anything else that the system gave, one that
    is open, as far as that is known."""
    if row.type == "subprocess.Popen":
        return True
    if not row.type.endswith(("Task", "Future")):
        return is_open(snapshot, row.example) is not False
    result = _attribute(snapshot, row.example, "_result")
    return result is not None and snapshot.retained_by(result) > 100


def _container_of(snapshot: Snapshot, row: Row) -> int | None:
    steps = snapshot.core.path_steps(row.example)
    if len(steps) < 2 or snapshot.layout_of(steps[-2][0]) not in CONTAINERS:
        return None
    return steps[-2][0]


def _has_traceback(snapshot: Snapshot, error: int) -> bool:
    return any(
        snapshot.layout_of(one) == Layout.TRACEBACK
        for _, _, _, one in snapshot.core.referents(error)
    )


def _last_errors(series: Series, snapshot: Snapshot) -> Iterator[Suspect]:
    """sys.last_traceback and its kin; a program that ends by an exception has them at its end."""
    if series.now.trigger == "exit":
        return
    module = snapshot.modules.get("sys")
    if module is None:
        return
    for name in ("last_traceback", "last_exc", "last_value"):
        found = _in_namespace(snapshot, module.id, name)
        if found is None or snapshot.layout_of(found) not in (Layout.TRACEBACK, Layout.EXCEPTION):
            continue
        place = place_of(snapshot, found)
        place.name, place.path, place.kind = f"`sys.{name}`", f"sys.{name}", "last error"
        retained = max(snapshot.retained_by(found), 1)
        yield of_entries(snapshot, place, found, 1, retained)
        return


def _made_context_variables(snapshot: Snapshot) -> Iterator[Suspect]:
    """Context variables that nothing but a context holds: made for each call."""
    own: dict[int, list[int]] = {}
    for row in snapshot.type_rows("_contextvars.ContextVar"):
        for number in memoryview(snapshot.core.objects_of_type(row)).cast("I"):
            steps = snapshot.core.path_steps(number)
            context = next(
                (s[0] for s in steps if snapshot.layout_of(s[0]) == Layout.CONTEXT), None
            )
            if context is not None:
                own.setdefault(context, []).append(number)
    for context, variables in own.items():
        if len(variables) >= _LEAST_VARIABLES:
            retained = snapshot.retained_by(context)
            place = place_of(snapshot, context)
            largest = _largest(snapshot, variables)
            yield of_entries(snapshot, place, largest, len(variables), retained)


def _tables_of_threads(series: Series, snapshot: Snapshot) -> Iterator[Suspect]:
    """Dicts by the number of a thread that have more entries than threads are alive."""
    if series.is_cut:
        return  # they may have gone with the next thread
    running = sum(
        len(snapshot.core.objects_of_type(row.row)) // 4
        for row in snapshot.types
        if row.layout == Layout.THREAD
    )
    least = running + _MANY_ENDED
    for table, _, used in snapshot.core.fullest(least, _MOST_TABLES):
        if used > _MOST_THREADS or snapshot.layout_of(table) != Layout.DICT:
            continue
        edges = snapshot.core.referents(table)
        # Threads lie at the same place in a page, but for the first.
        places = Counter(
            content[1]
            for kind, _, _, key in edges
            if kind == EdgeKind.KEY and snapshot.layout_of(key) == Layout.INT
            if (content := snapshot.core.content(key))
        )
        threads = places.most_common(1)[0][1] if places else 0
        if threads < max(least, used - 1):
            continue
        values = [one for kind, _, _, one in edges if kind == EdgeKind.VALUE]
        place = place_of(snapshot, table)
        place.kind = "table of threads"
        retained = max(snapshot.retained_by(table), sum(map(snapshot.retained_by, values)))
        run = "runs" if running == 1 else "run"
        evidence = [f"its keys are the numbers of threads, of which at most {running} still {run}"]
        largest = max(values, key=snapshot.retained_by)
        yield of_entries(snapshot, place, largest, len(values), retained, evidence=evidence)


def _thread_locals(snapshot: Snapshot) -> Iterator[Suspect]:
    """Objects of the program's own that several threads keep, each its last one."""
    for row in snapshot.type_rows("_thread._local"):
        for local in memoryview(snapshot.core.objects_of_type(row)).cast("I"):
            values: dict[str, list[int]] = {}
            for one in _per_thread(snapshot, local):
                for _, _, text, value in snapshot.core.referents(one):
                    if _is_own_instance(snapshot, value):
                        values.setdefault(text, []).append(value)
            for name, objects in values.items():
                if len(objects) >= _MANY_THREADS:
                    place = place_of(snapshot, local)
                    place.kind = "thread-local"
                    key = name.strip("[]'.")
                    place.name = f"`threading.local` `{short_name(place.path)}` (its `{key}`)"
                    retained = sum(snapshot.retained_by(one) for one in objects)
                    yield of_entries(snapshot, place, objects[0], len(objects), retained)


def _per_thread(snapshot: Snapshot, local: int) -> list[int]:
    """The dicts of a threading.local, one for each thread that used it."""
    tables = [one for one in _held(snapshot, local) if snapshot.layout_of(one) == Layout.DICT]
    return [
        one
        for table in tables
        for kind, _, _, one in snapshot.core.referents(table)
        if kind == EdgeKind.VALUE and snapshot.layout_of(one) == Layout.DICT
    ]


def _is_own_instance(snapshot: Snapshot, number: int) -> bool:
    kind = snapshot.type_of(number)
    return kind.layout == Layout.INSTANCE and kind.made_at_run_time and not is_standard(kind.name)


def _repeated_finalizers(series: Series, snapshot: Snapshot) -> Iterator[Suspect]:
    """Finalizers of one and the same object: one was meant. Few may come with the imports."""
    counts = series.growth(f"{FINALIZERS}[*]").counts[-len(series.settled) :]
    has_grown = len(series.points) == 1 or counts[-1] >= counts[0] + _MANY_FINALIZERS
    least = _MANY_FINALIZERS if has_grown else _FAR_MORE_FINALIZERS
    by_target: dict[int, list[int]] = {}
    for row in snapshot.type_rows("weakref.finalize._Info"):
        for info in memoryview(snapshot.core.objects_of_type(row)).cast("I"):
            reference = _attribute(snapshot, info, "weakref")
            target = _weak_target(snapshot, reference)
            if target is not None:
                by_target.setdefault(target, []).append(info)
    for infos in by_target.values():
        if len(infos) < least:
            continue
        place = place_of(snapshot, infos[0])
        place.kind, place.name, place.path = "finalizers", f"`{FINALIZERS}`", FINALIZERS
        retained = sum(snapshot.retained_by(one) for one in infos)
        evidence = ["all of them are for one and the same object"]
        yield of_entries(snapshot, place, infos[0], len(infos), retained, evidence=evidence)


def _weak_target(snapshot: Snapshot, reference: int | None) -> int | None:
    if reference is None:
        return None
    edges = snapshot.core.referents(reference)
    return next((one for kind, _, _, one in edges if kind == EdgeKind.WEAK), None)


def _slow_tees(snapshot: Snapshot) -> Iterator[Suspect]:
    """Iterators of itertools.tee that fell behind another: they hold all that it has read."""
    for row in snapshot.type_rows("itertools._tee"):
        for tee in memoryview(snapshot.core.objects_of_type(row)).cast("I"):
            blocks = _chain(snapshot, tee, "itertools._tee_dataobject")
            retained = snapshot.retained_by(tee)
            # Two, of 57 entries each, are where one that keeps up just went on to the next.
            if len(blocks) > 2 and retained >= _LEAST_TEE_BYTES:
                held = {one for block in blocks for one in _held(snapshot, block)}
                entries = sorted(held - set(blocks))
                place = place_of(snapshot, tee)
                place.name = f"{place.name}, an iterator of `itertools.tee` that fell behind"
                place.kind = "tee"
                largest = _largest(snapshot, entries)
                yield of_entries(snapshot, place, largest, len(entries), retained)


def _chain(snapshot: Snapshot, start: int, name: str) -> list[int]:
    found: list[int] = []
    at: int | None = start
    while at is not None and len(found) < 100_000:
        at = next((one for one in _held(snapshot, at) if snapshot.type_of(one).name == name), None)
        if at is not None:
            found.append(at)
    return found


def _held(snapshot: Snapshot, number: int) -> list[int]:
    return [one for kind, _, _, one in snapshot.core.referents(number) if kind != EdgeKind.TYPE]


def _made_modules(series: Series, snapshot: Snapshot) -> Iterator[Suspect]:
    counts = tuple(point.made_modules for point in series.points)
    since_imports = counts[-len(series.settled) :]
    if since_imports[-1] - since_imports[0] < 5 or not keeps_rising(since_imports):
        return
    made = [one for one in snapshot.modules.values() if is_made_module(snapshot, one.id)]
    largest = max(made, key=lambda one: one.retained)
    place = place_of(snapshot, largest.id)
    place.name, place.kind = "`sys.modules`", "sys.modules"
    place.path = f"sys.modules['{largest.name}']"
    retained = sum(one.retained for one in made)
    growth = Growth(counts, tuple(retained * c // counts[-1] for c in counts), series.seconds)
    yield of_entries(snapshot, place, largest.id, len(made), retained, growth=growth)


# --- small looks into the graph ---


def _entries(snapshot: Snapshot, container: int) -> list[int]:
    return [one for kind, _, _, one in snapshot.core.referents(container) if kind in ENTRIES]


def _largest(snapshot: Snapshot, entries: Sequence[int]) -> int:
    """Of the type that most of them have, the one that retains most."""
    types = Counter(snapshot.core.object(one)[1] for one in entries)
    row = types.most_common(1)[0][0]
    own = [one for one in entries if snapshot.core.object(one)[1] == row]
    return max(own, key=lambda one: snapshot.retained_by(one))


def _attribute(snapshot: Snapshot, number: int, name: str) -> int | None:
    for _, _, text, target in snapshot.core.referents(number):
        if text == f".{name}":
            return target
        if text == ".__dict__":
            found = _value(snapshot, target, name)
            if found is not None:
                return found
    return None


def _attributes(snapshot: Snapshot, instance: int) -> Iterator[int]:
    for kind, _, text, target in snapshot.core.referents(instance):
        if kind == EdgeKind.ATTRIBUTE:
            yield target
        elif text == ".__dict__":
            yield from (
                one for kind, _, _, one in snapshot.core.referents(target) if kind == EdgeKind.VALUE
            )


def _in_namespace(snapshot: Snapshot, number: int, name: str) -> int | None:
    for _, _, text, target in snapshot.core.referents(number):
        if text == ".__dict__":
            return _value(snapshot, target, name)
    return None


def _value(snapshot: Snapshot, namespace: int, name: str) -> int | None:
    wanted = (f"['{name}']", f".{name}")
    return next(
        (one for _, _, text, one in snapshot.core.referents(namespace) if text in wanted), None
    )


def _of_layout(snapshot: Snapshot, layout: Layout) -> Iterator[int]:
    for row in snapshot.types:
        if row.layout == layout:
            yield from memoryview(snapshot.core.objects_of_type(row.row)).cast("I")
