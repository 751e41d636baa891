# SPDX-License-Identifier: Apache-2.0
"""Containers with more room than content, and tiny ones by the thousand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from hoopsnake.advise.heap import Heap
from hoopsnake.advise.model import Advice, Trial
from hoopsnake.explain.places import short_name
from hoopsnake.heap.layouts import Layout
from hoopsnake.report import units

_FEWEST = 1000
_SLACK = 0.2  # of a container's bytes
_TRIAL = 2000
_PLAIN = {
    "list": Layout.LIST,
    "dict": Layout.DICT,
    "set": Layout.SET,
    "bytearray": Layout.BYTEARRAY,
    "collections.deque": Layout.DEQUE,
    "collections.defaultdict": Layout.DICT,
    "collections.OrderedDict": Layout.DICT,
}
_EMPTY = {
    "list": "[]",
    "dict": "{}",
    "set": "set()",
    "bytearray": "bytearray()",
    "collections.deque": "deque()",
    "collections.defaultdict": "defaultdict(list)",
    "collections.OrderedDict": "OrderedDict()",
}
_IMPORTS = "from collections import OrderedDict, defaultdict, deque\n\n\n"


@dataclass(slots=True)
class _Part:
    """Containers at one place that would become smaller in one way."""

    type: str
    ids: list[bytes] = field(default_factory=list)
    count: int = 0
    now: int = 0
    saving: int = 0
    used: int = 0
    allocated: int = 0
    largest: tuple[int, int, int] = (0, 0, 0)  # saving, used, allocated

    def add(self, ids: bytes, each: int, saved: int, used: int, allocated: int) -> None:
        count = len(ids) // 4
        self.ids.append(ids)
        self.count += count
        self.now += count * each
        self.saving += count * saved
        self.used += count * used
        self.allocated += count * allocated
        self.largest = max(self.largest, (saved, used, allocated))


def advice(heap: Heap) -> Iterator[Advice]:
    loose: dict[tuple[int, int], _Part] = {}
    empty: dict[tuple[int, int], _Part] = {}
    small: dict[tuple[int, int], _Part] = {}
    for shape, row, used, allocated, size, is_attribute, ids in heap.core.survey(
        "containers", heap.least
    ):
        name = heap.snapshot.types[row].name
        if name not in _PLAIN:
            continue
        each = heap.sizes.taken(_PLAIN[name], size)
        key = (shape, row)
        if used == 0 and is_attribute:
            part = empty.setdefault(key, _Part(name))
            part.add(ids, each, each, used, allocated)
        elif name == "collections.deque" and used <= 8:
            saved = each - heap.sizes.list(used)
            small.setdefault(key, _Part(name)).add(ids, each, saved, used, allocated)
        elif name == "set" and 0 < used <= 4:
            saved = each - heap.sizes.tuple(used)
            small.setdefault(key, _Part(name)).add(ids, each, saved, used, allocated)
        else:
            saved = each - _tight(heap, name, used, size, allocated)
            if saved > _SLACK * each:
                loose.setdefault(key, _Part(name)).add(ids, each, saved, used, allocated)
    for parts, make in ((loose, _over_allocated), (empty, _empty), (small, _small)):
        for part in parts.values():
            if part.saving >= heap.least and (part.count >= _FEWEST or make is _over_allocated):
                yield make(heap, part)


def _tight(heap: Heap, name: str, used: int, size: int, allocated: int) -> int:
    """What it would take if it was copied."""
    sizes = heap.sizes
    if name == "list":
        return sizes.list(used)
    if name == "set":
        return sizes.set(used)
    if name == "bytearray":
        return sizes.block(56) + (sizes.block(used + 1) if used else 0)
    if name == "dict":
        # The entry of a table whose keys are all strings is shorter.
        slots = sizes.tight_slots(max(allocated, 1))
        text_keys = size - 64 <= sizes.table(slots, text_keys=True)
        return sizes.dict(used, text_keys=text_keys)
    return sizes.taken(_PLAIN[name], size)


def _holder_text(heap: Heap, part: _Part) -> tuple[bytes, list[object], bool]:
    ids = b"".join(part.ids)
    held = heap.held(ids)
    return ids, list(held), heap.is_library_holder(held)


def _made(heap: Heap, part: _Part, **rest: object) -> Advice:
    ids, held, is_library = _holder_text(heap, part)
    return Advice(
        saving=part.saving,
        count=part.count,
        type=part.type,
        now=part.now,
        ids=ids,
        held=held,  # type: ignore[arg-type]
        is_library=is_library,
        **rest,  # type: ignore[arg-type]
    )


def _over_allocated(heap: Heap, part: _Part) -> Advice:
    word = short_name(part.type)
    share = units.percent(part.used, part.allocated)
    saved, used, allocated = part.largest
    copy = {"list": "list", "dict": "dict", "set": "set", "bytearray": "bytearray"}.get(word, word)
    made = _made(
        heap,
        part,
        kind="over-allocated",
        title=f"{units.plural(part.count, f'`{word}` has', f'`{word}` have')} room for "
        f"{part.allocated:,} entries and hold {part.used:,} ({share})"
        if part.count > 1
        else f"a `{word}` has room for {part.allocated:,} entries, holds {part.used:,} ({share})",
        change="Copy it once it is complete, or once most was taken out: a copy is as large as "
        "what is in it. A container does not shrink by itself when entries go"
        + (" (a list does, when it falls below half)." if word == "list" else "."),
        example=f"holder.items = {copy}(holder.items)",
        evidence=[
            f"the loosest has {used:,} of {allocated:,} and would save {units.size(saved)}",
        ],
    )
    made.trial, made.unit_saving = _loose_trial(heap, part)
    return made


def _loose_trial(heap: Heap, part: _Part) -> tuple[Trial | None, float]:
    """One of the mean size: made with room, and copied."""
    used = part.used // part.count
    allocated = max(part.allocated // part.count, used)
    count = max(1, min(_TRIAL, (8 << 20) // max(part.now // part.count, 1)))
    build = {
        "list": f"one = [None] * {allocated}\n    del one[{used}:]\n",
        "dict": f"one = dict.fromkeys(range({allocated}))\n"
        f"        for key in range({used}, {allocated}):\n            del one[key]\n",
        "set": f"one = set(range({max(allocated * 3 // 5 - 1, used)}))\n"
        f"        for key in range({used}, {max(allocated * 3 // 5 - 1, used)}):\n"
        "            one.discard(key)\n",
    }.get(part.type)
    if build is None or part.type == "list":
        return None, 0.0
    head = "def make(count):\n    made = []\n    for _ in range(count):\n        "
    before = f"{head}{build}        made.append(one)\n    return made\n"
    after = before.replace("made.append(one)", f"made.append({part.type}(one))")
    before_size = (
        heap.sizes.block(64)
        + heap.sizes.block(heap.sizes.table(heap.sizes.tight_slots(allocated), text_keys=False))
        if part.type == "dict"
        else heap.sizes.set(max(allocated * 3 // 5 - 1, used))
    )
    tight = heap.sizes.dict(used, text_keys=False) if part.type == "dict" else heap.sizes.set(used)
    return Trial(before, after, count), float(before_size - tight)


def _empty(heap: Heap, part: _Part) -> Advice:
    word = short_name(part.type)
    made = _made(
        heap,
        part,
        kind="tiny-containers",
        title=f"{part.count:,} `{word}` are empty, one for each object",
        change="Make it when the first entry comes: None (or one empty tuple for all) until then.",
        example="self.tags = None  # instead of a new empty one\n\n"
        f"def add(self, tag):\n    if self.tags is None:\n        self.tags = {_EMPTY[part.type]}\n"
        "    ...",
        evidence=[f"each takes {part.now // part.count} bytes"],
    )
    made.trial = Trial(
        f"{_IMPORTS}def make(count):\n    return [{_EMPTY[part.type]} for _ in range(count)]\n",
        "def make(count):\n    return [None for _ in range(count)]\n",
        _TRIAL,
    )
    made.unit_saving = part.saving / part.count
    return made


def _small(heap: Heap, part: _Part) -> Advice:
    is_set = part.type == "set"
    word = short_name(part.type)
    used = round(part.used / part.count)
    made = _made(
        heap,
        part,
        kind="tiny-containers",
        title=f"{part.count:,} `{word}` hold {part.used / part.count:.1f} entries each",
        change=(
            "A tuple does for so few: `in` looks through it as fast as a set finds its table."
            if is_set
            else "A deque has room for 64 entries from the first on: use a list until it is long."
        ),
        example="node.tags = tuple(tags)" if is_set else "node.waiting = []",
        evidence=[
            f"each takes {part.now // part.count} bytes, and would take "
            f"{(part.now - part.saving) // part.count}"
        ],
    )
    before = f"set(range({used}))" if is_set else f"deque([None] * {used})"
    after = f"tuple(range({used}))" if is_set else f"list([None] * {used})"
    head = f"{_IMPORTS}def make(count):\n    return ["
    made.trial = Trial(
        f"{head}{before} for _ in range(count)]\n",
        f"{head}{after} for _ in range(count)]\n",
        _TRIAL,
    )
    now = heap.sizes.set(used) if is_set else part.now // part.count
    made.unit_saving = float(now - (heap.sizes.tuple(used) if is_set else heap.sizes.list(used)))
    return made
