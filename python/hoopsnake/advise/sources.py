# SPDX-License-Identifier: Apache-2.0
"""What the source and the heap say together: lists that are gone through once, parsed data beside
its text."""

from __future__ import annotations

from collections.abc import Iterator

from hoopsnake.advise.heap import Heap, is_library_file
from hoopsnake.advise.model import Advice, Trial
from hoopsnake.advise.scopes import Scope, open_source
from hoopsnake.heap.layouts import FRAMES, Layout
from hoopsnake.report import units

_HELD_BY_C = 3  # of `hoopsnake.heap.model.ROOTS`
_MOST_ROOTS = 100
_TEXT = (Layout.STR, Layout.BYTES, Layout.BYTEARRAY)


def advice(heap: Heap) -> Iterator[Advice]:
    """Of the program's own frames, and the names of its own modules."""
    yield from _unnamed(heap)
    for file, name, line, variables in (*_frames(heap), *_modules(heap)):
        if not variables or is_library_file(file):
            continue
        source = open_source(file)
        scope = source.scope(name, line) if source else None
        if scope:
            yield from _in_scope(heap, file, scope, variables)


def _unnamed(heap: Heap) -> Iterator[Advice]:
    """A list that is built for one call: a frame is at that call, and nothing has the list yet.

    What the running frame has on its stack is in no file, so that the list seems held by C.
    """
    waiting = [
        number for number in heap.core.children(None, _MOST_ROOTS) if _is_built(heap, number)
    ]
    if len(waiting) != 1:
        return
    for kind in heap.snapshot.types:
        if kind.layout not in FRAMES:
            continue
        for frame in memoryview(heap.core.objects_of_type(kind.row)).cast("I"):
            label = heap.core.label(frame)
            if label is None or not label[2] or is_library_file(label[2]) or label[4]:
                continue
            source = open_source(label[2])
            example = source.unnamed_list(label[3]) if source else None
            if example:
                yield _of_list(heap, waiting[0], label[2], label[3], example)
                return


def _is_built(heap: Heap, number: int) -> bool:
    return (
        heap.snapshot.type_of(number).name == "list"
        and _size(heap, number) >= heap.least
        and heap.core.object(number)[8] == _HELD_BY_C
    )


def _of_list(heap: Heap, number: int, file: str, line: int, example: str) -> Advice:
    ids = _ids_below(heap, number)
    saving = heap.taken_all(ids)
    items = heap.core.capacity(number)
    made = Advice(
        "list-once",
        f"a list of {items[0] if items else 0:,} (so far) is built for a call that takes one after "
        "the other",
        saving,
        1,
        "list",
        "Leave out the brackets: a generator makes each when it is wanted, and keeps none.",
        example,
        now=saving,
        ids=ids,
        file=file,
        line=line,
        evidence=[f"it retains {units.size(saving)} at this moment"],
    )
    _add_trial(heap, made)
    return made


def _frames(heap: Heap) -> Iterator[tuple[str, str, int, dict[str, int]]]:
    """Frames with large variables: file, function, line, objects by name."""
    for kind in heap.snapshot.types:
        if kind.layout not in FRAMES:
            continue
        for number in memoryview(heap.core.objects_of_type(kind.row)).cast("I"):
            label = heap.core.label(number)
            if label is None or not label[2]:
                continue
            found = {
                text[1:]: target
                for edge, _, text, target in heap.core.referents(number)
                if edge == 9 and _size(heap, target) >= heap.least
            }
            yield label[2], label[0], label[3], found


def _modules(heap: Heap) -> Iterator[tuple[str, str, int, dict[str, int]]]:
    for name, module in heap.snapshot.modules.items():
        label = heap.core.label(module.id)
        if label is None or not label[2] or heap.is_library_module(name):
            continue
        for _, _, text, namespace in heap.core.referents(module.id):
            if text != ".__dict__":
                continue
            found = {
                step[2:-2]: target
                for _, _, step, target in heap.core.referents(namespace)
                if step[:2] == "['" and _size(heap, target) >= heap.least
            }
            yield label[2], "<module>", 0, found


def _size(heap: Heap, number: int) -> int:
    return heap.snapshot.retained_by(number)


def _in_scope(heap: Heap, file: str, scope: Scope, variables: dict[str, int]) -> Iterator[Advice]:
    for name, number in variables.items():
        layout = heap.snapshot.layout_of(number)
        if layout == Layout.LIST and heap.snapshot.type_of(number).name == "list":
            yield from _list_once(heap, file, scope, name, number)
        elif layout in _TEXT:
            yield from _beside_text(heap, file, scope, name, number, variables)


def _ids_below(heap: Heap, number: int) -> bytes:
    """What goes with an object, itself included."""
    found = [number]
    for one in found:
        found += heap.core.children(one, 1 << 30)
    return b"".join(one.to_bytes(4, "little") for one in found)


def _list_once(heap: Heap, file: str, scope: Scope, name: str, number: int) -> Iterator[Advice]:
    use = scope.single_use(name)
    if use is None:
        return
    ids = _ids_below(heap, number)
    saving = heap.taken_all(ids)
    items = heap.core.capacity(number)
    count = items[0] if items else 0
    made = Advice(
        "list-once",
        f"the list `{name}` of {count:,} is built whole, and gone through once",
        saving,
        count,
        "list",
        f"Line {use.made} makes all of it before line {use.used} takes one after the other: a "
        "generator makes each when it is wanted, and keeps none.",
        use.example,
        now=saving,
        ids=ids,
        file=file,
        line=use.made,
        held=heap.held(number.to_bytes(4, "little")),
        evidence=[f"it retains {units.size(saving)} at this moment; nothing else uses it"],
    )
    _add_trial(heap, made)
    yield made


def _add_trial(heap: Heap, made: Advice) -> None:
    made.trial = Trial(
        "def make(count):\n    return [float(i) for i in range(count)]\n",
        "def make(count):\n    return (float(i) for i in range(count))\n",
        20_000,
    )
    made.unit_saving = float(heap.sizes.number(24) + 8)


def _beside_text(
    heap: Heap, file: str, scope: Scope, name: str, number: int, variables: dict[str, int]
) -> Iterator[Advice]:
    parsed = scope.parsed_from(name)
    if parsed is None or parsed.name not in variables:
        return
    saving = heap.taken(number)
    if _size(heap, number) < heap.core.object(number)[2] or heap.core.object(number)[4] > 3:
        return  # somebody else holds it
    word = heap.snapshot.type_of(number).name
    made = Advice(
        "text-and-data",
        f"the text `{name}` is kept beside `{parsed.name}`, which was parsed from it",
        saving,
        1,
        word,
        f"After line {parsed.line} nothing uses the text: drop it there, or parse from the file, "
        "so that it never has a name.",
        f"{parsed.source}\ndel {name}",
        now=saving,
        ids=number.to_bytes(4, "little"),
        file=file,
        line=parsed.line,
        held=heap.held(number.to_bytes(4, "little")),
        evidence=[
            f"the text takes {units.size(saving)}, what was parsed from it retains "
            f"{units.size(_size(heap, variables[parsed.name]))}"
        ],
    )
    length = max(min(saving, 1 << 20) - 64, 2)
    made.trial = Trial(
        f"def make(count):\n    return ['x' * {length} for _ in range(count)]\n",
        "def make(count):\n    return [None for _ in range(count)]\n",
        8,
    )
    made.unit_saving = float(heap.sizes.text(length))
    yield made
