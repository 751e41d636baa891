# SPDX-License-Identifier: Apache-2.0
"""A dict for each row: the same keys again and again."""

from __future__ import annotations

from collections.abc import Iterator

from hoopsnake.advise import words
from hoopsnake.advise.heap import Heap, numbers
from hoopsnake.advise.model import Advice, Trial
from hoopsnake.heap.layouts import Layout

_FEWEST = 200
_MOST_KEYS = 60
_TRIAL = 2000


def advice(heap: Heap) -> Iterator[Advice]:
    for row, keys, count, size, own, own_size, ids in heap.core.survey("dicts", heap.least):
        if count < _FEWEST or keys > _MOST_KEYS or heap.snapshot.types[row].name != "dict":
            continue
        now = count * heap.sizes.taken(Layout.DICT, size // count)
        # Keys that are not shared: parsers make them anew in each call.
        now += own * heap.sizes.taken(Layout.STR, own_size // own) if own else 0
        saving = now - count * heap.sizes.slotted(keys)
        if saving >= heap.least:
            yield _of_group(heap, ids, keys, count, own, now, saving)


def _keys_of(heap: Heap, number: int) -> list[str]:
    """The keys of a dict; a stand-in for what the file does not show."""
    found: list[str] = []
    for kind, _, text, _ in heap.core.referents(number):
        if kind == 4:
            found.append(text[2:-2] if text[:2] == "['" else f"field_{len(found)}")
    return found


def _of_group(
    heap: Heap, ids: bytes, keys: int, count: int, own: int, now: int, saving: int
) -> Advice:
    names = words.identifiers(_keys_of(heap, numbers(ids)[0]))
    held = heap.held(_dicts(heap, ids, count))
    after = heap.sizes.slotted(keys)
    shown = words.quoted_names(names).rstrip(",")
    fields = "".join(f"    {name}: object\n" for name in names[:4])
    made = Advice(
        "dict-rows",
        f"{count:,} dicts have the same {keys} keys ({shown})",
        saving,
        count,
        "dict",
        "Make a class with slots of it, or a tuple where nothing changes (`typing.NamedTuple`): "
        "the names are then in the class once, and not a table in each row.",
        f"@dataclass(slots=True)\nclass Row:\n{fields}"
        + ("    ...\n" if len(names) > 4 else "")
        + "\nrows = [Row(**record) for record in records]",
        now=now,
        ids=ids,
        is_library=heap.is_library_holder(held),
        held=held,
        evidence=[
            f"each takes {now // count} bytes, and would take {after} with slots, "
            f"{heap.sizes.tuple(keys)} as a tuple"
        ],
    )
    if own:
        made.evidence.append(f"{own:,} of their keys are strings of their own, not shared by rows")
    made.trial = Trial(words.dict_maker(keys), words.slotted_class(keys), _TRIAL)
    made.unit_saving = float(heap.sizes.dict(keys) - after)
    return made


def _dicts(heap: Heap, ids: bytes, count: int) -> bytes:
    """The dicts among the objects of a group, without their keys."""
    if len(ids) == 4 * count:
        return ids
    view = numbers(ids)
    return b"".join(
        number.to_bytes(4, "little")
        for number in view
        if heap.snapshot.layout_of(number) == Layout.DICT
    )
