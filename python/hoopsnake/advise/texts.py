# SPDX-License-Identifier: Apache-2.0
"""Equal values that are not the same object, and strings that one character makes wide."""

from __future__ import annotations

from collections.abc import Iterator

from hoopsnake.advise.heap import Heap
from hoopsnake.advise.model import Advice, Trial
from hoopsnake.heap.layouts import Layout
from hoopsnake.report import units

_TRIAL = 4000
_FEWEST = 50
_FEW_WIDE = 0.1  # characters that need the width, of all
_WORDS = {Layout.STR: "str", Layout.BYTES: "bytes", Layout.TUPLE: "tuple"}


def advice(heap: Heap) -> Iterator[Advice]:
    for layout, whole, distinct, size, ids in heap.core.survey("equals", heap.least):
        made = _equal(heap, Layout(layout), whole, distinct, size, ids)
        if made and made.saving >= heap.least:
            yield made
    for width, length, wide, utf8, size, ids in heap.core.survey("wide", heap.least):
        if wide <= _FEW_WIDE * length:
            made = _wide(heap, width, length, wide, utf8, size, ids)
            if made.saving >= heap.least:
                yield made


def _equal(
    heap: Heap, layout: Layout, whole: int, distinct: int, size: int, ids: bytes
) -> Advice | None:
    count = len(ids) // 4
    if count < _FEWEST or layout not in _WORDS:
        return None
    held = heap.held(ids)
    word = _WORDS[layout]
    mean = size // count
    saving = heap.taken_all(ids)
    is_column = heap.has_pandas and any("<numpy.ndarray>" in one.path for one in held)
    made = Advice(
        "equal-values",
        f"{count:,} of {whole:,} `{word}` are equal to others that are there",
        saving,
        count,
        word,
        "Keep one of each value: pass what comes in through `sys.intern`, or through a dict that "
        "gives back the one it has."
        if layout is Layout.STR
        else "Keep one of each value: pass what comes in through a dict that gives back the one "
        "it has.",
        "row.city = sys.intern(row.city)"
        if layout is Layout.STR
        else "SEEN: dict = {}\n\nvalue = SEEN.setdefault(value, value)",
        now=saving,
        ids=ids,
        is_library=heap.is_library_holder(held),
        held=held,
        evidence=[
            f"{distinct:,} values in {whole:,} objects, {mean} bytes each on average; told by "
            "length and a hash of 32 bits"
            if layout is not Layout.TUPLE
            else f"{distinct:,} values in {whole:,} objects; what they hold is the same, or equal "
            "strings"
        ],
    )
    if is_column:
        made.change = (
            "Make the column a category: each value once, and a small number for each row."
        )
        made.example = 'frame["city"] = frame["city"].astype("category")  # or dtype= when read'
    made.trial, made.unit_saving = _equal_trial(heap, layout, mean)
    return made


def _equal_trial(heap: Heap, layout: Layout, mean: int) -> tuple[Trial, float]:
    """All of one value: every object but the first goes."""
    if layout is Layout.TUPLE:
        items = max((mean - heap.sizes.tuple(0)) // 8, 1)
        build = f"tuple([None] * {items})"
        each = heap.sizes.tuple(items)
    else:
        length = max(mean - (33 if layout is Layout.BYTES else 41), 2)
        value = "b'x'" if layout is Layout.BYTES else "'x'"
        build = f"{value} * length"
        each = heap.sizes.bytes(length) if layout is Layout.BYTES else heap.sizes.text(length)
        build = build.replace("length", str(length))
    before = f"def make(count):\n    return [{build} for _ in range(count)]\n"
    if layout is not Layout.TUPLE:
        # Written so that each is made anew.
        before = (
            f"def make(count):\n    half = {value} * {length - 1}\n"
            f"    return [half + {value} for _ in range(count)]\n"
        )
    after = before.replace("return [", "one = {}\n    made = [").rstrip("\n")
    after = after.replace("made = [", "return [one.setdefault(v, v) for v in (", 1)
    after = after[: after.rindex("]")] + ")]\n"
    return Trial(before, after, _TRIAL), float(each)


def _wide(
    heap: Heap, width: int, length: int, wide: int, utf8: int, size: int, ids: bytes
) -> Advice:
    count = len(ids) // 4
    now = heap.taken_all(ids)
    each = utf8 // count
    saving = now - count * heap.sizes.bytes(each)
    held = heap.held(ids)
    what = "a character outside Latin-1" if width == 2 else "an emoji or another rare character"
    made = Advice(
        "wide-text",
        f"{units.plural(count, '`str` takes', '`str` take')} {width} bytes a character because of "
        f"{units.plural(wide, 'character')} in {length:,}",
        saving,
        count,
        "str",
        f"One {what[2:] if width == 2 else 'rare character'} makes a whole string wide. Keep such "
        "text encoded, and decode what is looked at; or replace typographic characters when text "
        "comes in (`str.translate`); or split it into lines, of which few are wide.",
        "page.body = text.encode()  # and page.body.decode() where it is read",
        now=now,
        ids=ids,
        is_library=heap.is_library_holder(held),
        held=held,
        evidence=[
            f"{what} is needed {units.plural(wide, 'time')}; as UTF-8 it is {units.size(utf8)} "
            f"instead of {units.size(now)}"
        ],
    )
    mean = max(length // count, 2)
    rare = "\\u2026" if width == 2 else "\\U0001f600"
    before = f"def make(count):\n    return ['{rare}' + 'x' * {mean - 1} for _ in range(count)]\n"
    after = before.replace(
        f"'{rare}' + 'x' * {mean - 1}", f"('{rare}' + 'x' * {mean - 1}).encode()"
    )
    made.trial = Trial(before, after, max(2, min(_TRIAL, (8 << 20) // (mean * width))))
    narrow = mean - 1 + (3 if width == 2 else 4)
    made.unit_saving = float(
        heap.sizes.text(mean, width, ascii_only=False) - heap.sizes.bytes(narrow)
    )
    return made
