# SPDX-License-Identifier: Apache-2.0
"""Numbers that are objects each, in sequences of nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypedDict

from hoopsnake.advise.heap import Heap
from hoopsnake.advise.model import Advice, Trial
from hoopsnake.heap.layouts import Layout
from hoopsnake.report import units

_ONE_DIGIT, _TWO_DIGITS = 28, 32  # bytes of an int below 2**30, below 2**60
_MOST_COLUMNS = 64
_FEWEST_ROWS = 500
_TRIAL = 20_000


class Group(TypedDict):
    """A row of survey("numbers")."""

    type: int
    is_float: bool
    containers: int
    items: int
    container_bytes: int
    boxes: int
    box_bytes: int
    longest: int
    width: int
    ids: bytes


def advice(heap: Heap) -> Iterator[Advice]:
    for group in heap.core.survey("numbers", heap.least):
        if not group["is_float"] and group["longest"] > _TWO_DIGITS:
            continue  # not all fit into 64 bits
        made = _of_group(heap, group)
        if made.saving >= heap.least:
            yield made


def _item(group: Group) -> tuple[str, int]:
    """The type code of `array`, and the bytes of an item."""
    if group["is_float"]:
        return "d", 8
    return ("i", 4) if group["longest"] <= _ONE_DIGIT else ("q", 8)


def _layout(heap: Heap, group: Group) -> int:
    return heap.snapshot.types[group["type"]].layout


def _of_group(heap: Heap, group: Group) -> Advice:
    code, each = _item(group)
    count, items = group["containers"], group["items"]
    is_rows = 0 < group["width"] <= _MOST_COLUMNS and count >= _FEWEST_ROWS
    now = heap.taken_all(group["ids"])
    if is_rows:
        after = group["width"] * heap.sizes.array(count, each)
    else:
        after = count * heap.sizes.array(items // count, each)
    held = heap.held(group["ids"][: 4 * count] if group["boxes"] == 0 else _containers(heap, group))
    word = "float" if group["is_float"] else "int"
    of = heap.snapshot.types[group["type"]].name
    made = Advice(
        "boxed-numbers",
        f"{items:,} `{word}` in {units.plural(count, f'`{of}`')} are objects of their own",
        now - after,
        items,
        word,
        _change(heap, group, code, is_rows=is_rows),
        _example(heap, group, code, is_rows=is_rows),
        now=now,
        ids=group["ids"],
        held=held,
        is_library=heap.is_library_holder(held),
        evidence=[
            f"{group['boxes']:,} of these numbers nothing else refers to; with its place in the "
            f"`{of}` one takes {now / items:.0f} bytes, in an array {each}"
        ],
    )
    made.trial, made.unit_saving = _trial(heap, group, code, each, is_rows=is_rows)
    return made


def _containers(heap: Heap, group: Group) -> bytes:
    """The containers among the objects of a group: they come before what they hold."""
    wanted = group["type"]
    view = memoryview(group["ids"]).cast("I")
    kept = bytearray()
    for number in view:
        if heap.core.object(number)[1] == wanted:
            kept += number.to_bytes(4, "little")
            if len(kept) >= 4 * 1000:
                break
    return bytes(kept)


def _change(heap: Heap, group: Group, code: str, *, is_rows: bool) -> str:
    what = f'`array.array("{code}")`' + (" or a numpy array" if heap.has_numpy else "")
    limit = " The largest fits into 32 bits." if code == "i" else ""
    if is_rows:
        return (
            f"Keep them by column: {group['width']} {what} instead of {group['containers']:,} rows."
            + limit
        )
    return f"Keep them in {what}: the bare numbers, side by side." + limit


def _example(heap: Heap, group: Group, code: str, *, is_rows: bool) -> str:
    if is_rows and heap.has_numpy:
        return "points = numpy.array(rows)  # points[:, 0] is the first column"
    if is_rows:
        return (
            f'columns = [array("{code}", column) for column in zip(*rows)]\n'
            "row = tuple(column[n] for column in columns)"
        )
    return f'values = array("{code}", values)  # appends, slices and sums as a list does'


def _trial(heap: Heap, group: Group, code: str, each: int, *, is_rows: bool) -> tuple[Trial, float]:
    """Numbers that are objects of their own, all of them."""
    value = "float(i)" if group["is_float"] else "1000 + i" if each == 4 else "2**40 + i"
    size = 24 if group["is_float"] else _ONE_DIGIT if each == 4 else _TWO_DIGITS
    box = heap.sizes.number(size)
    is_tuple = _layout(heap, group) == Layout.TUPLE
    head = "from array import array\n\n\ndef make(count):\n    "
    if is_rows:
        wide = group["width"]
        begin, end = ("(", ",)") if is_tuple else ("[", "]")
        row = begin + ", ".join(value.replace("i", f"i + {n}", 1) for n in range(wide)) + end
        if group["is_float"]:
            row = begin + ", ".join(f"float(i + {n})" for n in range(wide)) + end
        before = f"{head}return [{row} for i in range(count)]\n"
        after = f'{head}return [array("{code}", range(count)) for _ in range({wide})]\n'
        rows = heap.sizes.tuple(wide) if is_tuple else heap.sizes.list(wide)
        count = min(_TRIAL, max(_FEWEST_ROWS, _TRIAL // wide))
        # The list of rows goes as well.
        total = count * (rows + wide * box) + heap.sizes.list(count) - heap.sizes.list(wide)
        return Trial(before, after, count), total / count - wide * heap.sizes.array(
            count, each
        ) / count
    before = f"{head}return [{value} for i in range(count)]\n"
    after = f'{head}return array("{code}", ({value} for i in range(count)))\n'
    after = after.replace(f"({value} for i in range(count))", f"[{value} for i in range(count)]")
    return Trial(before, after, _TRIAL), box + 8.0 - each
