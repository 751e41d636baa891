# SPDX-License-Identifier: Apache-2.0
"""Closures and bound methods by the thousand."""

from __future__ import annotations

from collections.abc import Iterator

from hoopsnake.advise.heap import Heap, is_library_file, numbers
from hoopsnake.advise.model import Advice, Trial
from hoopsnake.explain.places import short_name
from hoopsnake.heap.layouts import Layout
from hoopsnake.report import units

_FEWEST = 1000
_TRIAL = 2000


def advice(heap: Heap) -> Iterator[Advice]:
    for layout, of, _, cells, ids in heap.core.survey("callables", heap.least):
        count = _count(heap, layout, ids)
        if count < _FEWEST:
            continue
        make = _methods if layout == Layout.METHOD else _closures
        made = make(heap, of, cells, count, ids)
        if made.saving >= heap.least:
            yield made


def _count(heap: Heap, layout: int, ids: bytes) -> int:
    if layout == Layout.METHOD:
        return len(ids) // 4
    return sum(heap.snapshot.layout_of(number) == layout for number in numbers(ids))


def _methods(heap: Heap, function: int, _cells: int, count: int, ids: bytes) -> Advice:
    file, line = heap.function_place(function)
    name = short_name(heap.core.own_name(function) or "a function")
    each = heap.taken(numbers(ids)[0])
    made = Advice(
        "bound-methods",
        f"{count:,} bound methods `{name}` are kept",
        count * each,
        count,
        "method",
        "Keep the instances, and call the method by its name when it is time: each access to "
        "`one.method` makes an object.",
        f"handlers.append(one)          # not one.{name.rpartition('.')[2]}\n...\n"
        f"for one in handlers:\n    one.{name.rpartition('.')[2]}(event)",
        now=count * each,
        ids=ids,
        file=file,
        line=line,
        is_library=is_library_file(file),
        held=heap.held(ids),
        evidence=[f"each takes {each} bytes"],
    )
    head = "class C:\n    __slots__ = ()\n\n    def f(self):\n        pass\n\n\nONE = C()\n\n\n"
    body = "def make(count):\n    return [{} for _ in range(count)]\n"
    made.trial = Trial(head + body.format("ONE.f"), head + body.format("ONE"), _TRIAL)
    made.unit_saving = float(each)
    return made


def _closures(heap: Heap, code: int, cells: int, count: int, ids: bytes) -> Advice:
    label = heap.core.label(code)
    file, line = (label[2], label[3]) if label else ("", 0)
    name = short_name((label[1] or label[0]) if label else "a function")
    functions = [n for n in numbers(ids) if heap.snapshot.layout_of(n) == Layout.FUNCTION]
    now = heap.taken_all(ids)
    captured = round(cells / count)
    after = heap.sizes.slotted(captured) if captured else 0
    function = heap.taken(functions[0])
    if captured:
        change = (
            "Make a class with slots for what they capture, and `__call__` for what they do: one "
            "small object instead of a function, a tuple and a cell for each variable."
        )
        example = (
            'class Handler:\n    __slots__ = ("user",)\n\n    def __init__(self, user):\n'
            "        self.user = user\n\n    def __call__(self, event):\n        ..."
        )
    else:
        change = "They capture nothing: define the function once, outside, and refer to that."
        example = "def double(x):\n    return 2 * x\n\n\nhandlers = [double for _ in rows]"
    made = Advice(
        "closures",
        f"{count:,} functions `{name}` were made, one by one",
        now - count * after,
        count,
        "function",
        change,
        example,
        now=now,
        ids=ids,
        file=file,
        line=line,
        is_library=is_library_file(file),
        held=heap.held(_packed(functions[:1000])),
        evidence=[
            f"a function takes {function} bytes, with {units.plural(captured, 'cell')} of its own "
            f"{now // count} in all, and an object with slots {after or 'none'}"
        ],
    )
    made.trial, made.unit_saving = _trial(heap, captured, function, after)
    return made


def _packed(found: list[int]) -> bytes:
    return b"".join(number.to_bytes(4, "little") for number in found)


def _trial(heap: Heap, cells: int, function: int, after: int) -> tuple[Trial, float]:
    names = [f"a{i}" for i in range(cells)]
    if not cells:
        before = "def make(count):\n    return [lambda x: x for _ in range(count)]\n"
        end = (
            "def f(x):\n    return x\n\n\ndef make(count):\n    return [f for _ in range(count)]\n"
        )
        return Trial(before, end, _TRIAL), float(function)
    arguments = ", ".join(names)
    before = (
        f"def outer({arguments}):\n    return lambda: ({arguments},)\n\n\n"
        f"def make(count):\n    return [outer({', '.join(['None'] * cells)}) "
        "for _ in range(count)]\n"
    )
    slots = ", ".join(f'"{name}"' for name in names)
    body = "".join(f"        self.{name} = {name}\n" for name in names)
    end = (
        f"class C:\n    __slots__ = ({slots},)\n\n    def __init__(self, {arguments}):\n{body}\n"
        f"\ndef make(count):\n    return [C({', '.join(['None'] * cells)}) for _ in range(count)]\n"
    )
    whole = function + cells * heap.sizes.block(40) + heap.sizes.tuple(cells)
    return Trial(before, end, _TRIAL), float(whole - after)
