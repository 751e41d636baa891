# SPDX-License-Identifier: Apache-2.0
"""Arrays of numpy, and with them columns of pandas: text, wide integers, views of large bases."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator

from hoopsnake.advise.heap import Heap, numbers
from hoopsnake.advise.model import Advice, Trial
from hoopsnake.heap.layouts import Layout
from hoopsnake.report import units

_ARRAY = "numpy.ndarray"
_MEMORY_VIEW = "memoryview"
_INTEGER = re.compile(r"(u?)int(\d+)", re.I)
_MOST_LOOKED_AT = 200_000
_SHOWN = 0.5  # of a base: views of more are no waste
_TRIAL = 20_000


def advice(heap: Heap) -> Iterator[Advice]:
    for made in (*_arrays(heap), *_pinned(heap)):
        if made.saving >= heap.least:
            yield made


def _of_type(heap: Heap, name: str) -> list[int]:
    rows = [kind.row for kind in heap.snapshot.types if kind.name == name]
    found = [number for row in rows for number in numbers(heap.core.objects_of_type(row))]
    return found[:_MOST_LOOKED_AT]


def _referent(heap: Heap, number: int, step: str) -> int | None:
    return next(
        (target for _, _, text, target in heap.core.referents(number) if text == step), None
    )


def _dtype(heap: Heap, number: int) -> str:
    """ "object", "int64" and so on: from the class of the dtype."""
    for _, _, text, target in heap.core.referents(number):
        if text == ".dtype":
            name = heap.snapshot.type_of(target).name.lower()
            return name.rpartition(".")[2].removesuffix("dtype").removeprefix("dtype[").rstrip("_]")
    return ""


def _packed(numbers_of: list[int]) -> bytes:
    return array("I", numbers_of).tobytes()


def _arrays(heap: Heap) -> Iterator[Advice]:
    wide: dict[tuple[str, int], list[int]] = {}
    for number in _of_type(heap, _ARRAY):
        size = heap.core.object(number)[2]
        if size < min(heap.least, 4096):
            continue
        dtype = _dtype(heap, number)
        if "object" in dtype:
            made = _text_column(heap, number)
            if made:
                yield made
        elif _INTEGER.search(dtype):
            bits = _narrower(heap, number, dtype)
            if bits:
                wide.setdefault((dtype, bits), []).append(number)
    for (dtype, bits), found in wide.items():
        yield _narrow(heap, dtype, bits, found)


# --- text ----------------------------------------------------------------------------------------


def _text_column(heap: Heap, number: int) -> Advice | None:
    items, texts, distinct, size, distinct_size, characters, narrow, ids = heap.core.survey_column(
        _packed([number])
    )
    if items == 0 or texts < 0.9 * items:
        return None
    own = len(ids) // 4
    now = 8 * items + (own * heap.sizes.taken(Layout.STR, size // own) if own else 0)
    code = 1 if distinct < 128 else 2 if distinct < 32_768 else 4
    values = distinct * heap.sizes.taken(Layout.STR, distinct_size // max(distinct, 1))
    as_category = code * items + values + 8 * distinct
    # Whose length tells its bytes as UTF-8.
    as_arrow = characters + 8 * (items + 1) + items // 8 if narrow else now
    is_category = distinct * 2 <= items and as_category <= as_arrow
    after = as_category if is_category else as_arrow
    held = heap.held(_packed([number]))
    pandas = heap.has_pandas
    if is_category:
        change = (
            "Make the column a category: each value once, and a small number for each row."
            if pandas
            else "Keep each value once, and a small number for each row (`numpy.unique` with "
            "`return_inverse`)."
        )
        example = (
            'frame["city"] = frame["city"].astype("category")  # or dtype= when it is read'
            if pandas
            else "values, codes = numpy.unique(column, return_inverse=True)"
        )
    else:
        change = "Keep the text in Arrow's form: characters side by side, and no object for each."
        example = (
            'frame["name"] = frame["name"].astype("string[pyarrow]")'
            if pandas
            else "column = pyarrow.array(column)"
        )
    made = Advice(
        "object-column",
        f"an object column has {items:,} `str`, {distinct:,} of them different",
        now - after,
        items,
        "str",
        change,
        example,
        now=now,
        ids=_packed([number]) + ids,
        held=held,
        is_library=False,
        evidence=[
            f"{own:,} of its strings nothing else refers to; "
            f"{units.size(after)} instead of {units.size(now)}"
        ],
    )
    made.trial, made.unit_saving = _column_trial(heap, items, distinct, is_category=is_category)
    return made


def _column_trial(
    heap: Heap, items: int, distinct: int, *, is_category: bool
) -> tuple[Trial | None, float]:
    """Strings of one length, each an object."""
    if not is_category:
        return None, 0.0
    share = max(1, min(distinct, _TRIAL // 2))
    head = "import numpy\n\n\ndef make(count):\n    "
    text = f"'value %06d' % (i % {share})"
    before = f"{head}return numpy.array([{text} for i in range(count)], dtype=object)\n"
    after = (
        f"{head}found = numpy.unique([{text} for i in range(count)], return_inverse=True)\n"
        f"    return [found[0].astype(object), found[1].astype('int{_code(share)}')]\n"
    )
    each = heap.sizes.text(12)
    saved = _TRIAL * (each + 8 - _code(share) // 8) - share * (each + 8)
    return Trial(before, after, _TRIAL, "numpy"), saved / _TRIAL


def _code(distinct: int) -> int:
    return 8 if distinct < 128 else 16 if distinct < 32_768 else 32


# --- integers ------------------------------------------------------------------------------------


def _narrower(heap: Heap, number: int, dtype: str) -> int:
    """Bits of the smallest type that holds all; 0: it is that already, or it is not known."""
    match = _INTEGER.search(dtype)
    content = heap.core.content(number)
    if not match or content is None or content[1] == 0:
        return 0
    bits = next(size for size in (8, 16, 32, 64) if content[1] <= size)
    return bits if bits < int(match[2]) else 0


def _narrow(heap: Heap, dtype: str, bits: int, found: list[int]) -> Advice:
    match = _INTEGER.search(dtype)
    assert match is not None
    name = f"{match[1]}int{bits}"
    shown = 0
    for number in found:
        content = heap.core.content(number)
        shown += content[0] if content else 0
    now = sum(heap.core.object(number)[2] for number in found)
    saving = shown * (int(match[2]) - bits) // int(match[2])
    held = heap.held(_packed(found))
    made = Advice(
        "narrow-numbers",
        f"{units.plural(len(found), 'array')} of {dtype} would fit into {name}",
        saving,
        len(found),
        _ARRAY,
        f"All values that are there now fit into {name}. Say so where the array is made, if later "
        "values do too; results of arithmetic have the narrow type then, and may overflow.",
        f'frame["n"] = frame["n"].astype("{name}")'
        if heap.has_pandas
        else f"counts = counts.astype(numpy.{name})",
        now=now,
        ids=_packed(found),
        held=held,
        is_library=heap.is_library_holder(held),
    )
    each = int(match[2]) // 8
    code = "import numpy\n\n\ndef make(count):\n    return numpy.zeros(count, dtype='{}')\n"
    full = f"{match[1]}int{match[2]}"
    made.trial = Trial(code.format(full), code.format(name), 1_000_000, "numpy")
    made.unit_saving = each - bits / 8
    return made


# --- views ---------------------------------------------------------------------------------------


def _base_of(heap: Heap, view: int) -> int | None:
    """What a view of numpy's or a memoryview shows a part of."""
    step = _referent(heap, view, ".base")
    if step is not None:
        return step
    for _, counted, _, target in heap.core.referents(view):
        if counted and heap.snapshot.type_of(target).name == "managedbuffer":
            for _, held, _, owner in heap.core.referents(target):
                if held and heap.snapshot.layout_of(owner) != Layout.TYPE:
                    return owner
    return None


def _pinned(heap: Heap) -> Iterator[Advice]:
    """Bases that nothing but views of small parts keeps."""
    shown: dict[int, int] = {}
    views: dict[int, list[int]] = {}
    for name in (_ARRAY, _MEMORY_VIEW):
        for view in _of_type(heap, name):
            content = heap.core.content(view)
            base = _base_of(heap, view)
            if base is None or content is None:
                continue
            shown[base] = shown.get(base, 0) + content[0]
            views.setdefault(base, []).append(view)
    by_place: dict[str, list[int]] = {}
    for base, part in shown.items():
        size = heap.core.object(base)[2]
        if size - part < min(heap.least, 4096) or part > _SHOWN * size:
            continue
        if _held_by_views_alone(heap, base, views[base]):
            place = heap.core.path(views[base][0], True)
            by_place.setdefault(place, []).append(base)
    for bases in by_place.values():
        yield _of_bases(heap, bases, views, shown)


def _held_by_views_alone(heap: Heap, base: int, views: list[int]) -> bool:
    if heap.core.held_by_c(base):
        return False
    known = set(views)
    for _, _, _, source in heap.core.referrers(base, len(known) + 2):
        if source in known:
            continue
        if heap.snapshot.type_of(source).name != "managedbuffer":
            return False
    return True


def _of_bases(
    heap: Heap, bases: list[int], views: dict[int, list[int]], shown: dict[int, int]
) -> Advice:
    all_views = [view for base in bases for view in views[base]]
    now = sum(heap.core.object(base)[2] for base in bases)
    part = sum(shown[base] for base in bases)
    is_numpy = heap.snapshot.type_of(all_views[0]).name == _ARRAY
    word = heap.snapshot.type_of(bases[0]).name
    held = heap.held(_packed(all_views))
    made = Advice(
        "pinned-base",
        f"{units.plural(len(all_views), 'view')} of {units.size(part)} "
        f"{'keeps' if len(all_views) == 1 else 'keep'} {units.size(now)} of `{word}` alive",
        now - part,
        len(all_views),
        heap.snapshot.type_of(all_views[0]).name,
        "Copy what is kept: a view keeps all of what it is a part of.",
        "row = matrix[0].copy()" if is_numpy else "header = bytes(packet[:16])",
        now=now,
        ids=_packed(bases),
        held=held,
        is_library=heap.is_library_holder(held),
        evidence=["nothing but these views refers to what they are parts of"],
    )
    made.trial, made.unit_saving = _view_trial(
        heap, now // len(bases), part // len(bases), is_numpy=is_numpy
    )
    return made


def _view_trial(heap: Heap, size: int, part: int, *, is_numpy: bool) -> tuple[Trial, float]:
    part = max(part, 1)
    count = max(2, min(200, (32 << 20) // max(size, 1)))
    if is_numpy:
        head = "import numpy\n\n\ndef make(count):\n    return ["
        view = f"numpy.zeros({size}, dtype='int8')[:{part}]"
        before, after = (
            f"{view} for _ in range(count)]\n",
            f"{view}.copy() for _ in range(count)]\n",
        )
        return Trial(head + before, head + after, count, "numpy"), float(size - part)
    head = "def make(count):\n    return ["
    view = f"memoryview(bytearray({size}))[:{part}]"
    before = f"{head}{view} for _ in range(count)]\n"
    after = f"{head}bytes({view}) for _ in range(count)]\n"
    # The view, what it shares with others, and the head of the bytearray go as well.
    views = 2 * heap.sizes.block(200) + heap.sizes.block(144) + heap.sizes.block(56)
    return Trial(before, after, count), float(
        heap.sizes.block(size + 1) + views - heap.sizes.bytes(part)
    )
