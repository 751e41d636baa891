# SPDX-License-Identifier: Apache-2.0
"""`hoopsnake.size`: what an object takes, reaches, and would free."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType

# Shared by the whole program: nothing goes with an object that refers to them.
_SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType, CodeType, FrameType)
_IMMORTAL = 1 << 29  # counts from here on are of what never dies
_UNCOLLECTED = (str, bytes, int, float, complex, bool, type(None))


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of one object, as `sys.getsizeof` counts them."""

    shallow: int
    """The object alone, with the tables and buffers that are its own."""
    deep: int
    """All that can be reached from it, each object once; without classes, functions and modules."""
    retained: int
    """What would be freed if it went: what nothing outside refers to."""
    objects: int
    """How many objects `deep` counts."""
    retained_objects: int
    """How many objects `retained` counts."""


def size(obj: object) -> Size:
    """See `hoopsnake.size`."""
    found = _reach(obj)
    retained = _retained(obj, found)
    kept = sum(found.size_of(key) for key in retained)
    return Size(
        sys.getsizeof(obj),
        sum(map(found.size_of, found.objects)),
        kept,
        len(found.objects),
        len(retained),
    )


class _Reached:
    """Objects by their `id`, with what each refers to. `inner`: references from within."""

    def __init__(self) -> None:
        self.objects: dict[int, object] = {}
        self.referents: dict[int, list[int]] = {}
        self.inner: dict[int, int] = {}

    def size_of(self, key: int) -> int:
        return sys.getsizeof(self.objects[key], 0)


def referents_of(one: object) -> list[object]:
    """What an object refers to, each as often as it does."""
    if isinstance(one, _UNCOLLECTED) and type(one) in _UNCOLLECTED:
        return []
    found = gc.get_referents(one)
    if not found and type(one).__module__ == "numpy" and str(getattr(one, "dtype", "")) == "object":
        return list(one.ravel())  # type: ignore[attr-defined]
    return found


def is_shared(one: object) -> bool:
    """A class, a function, a module: it belongs to the program, not to an object."""
    return isinstance(one, _SHARED)


def _reach(obj: object) -> _Reached:
    found = _Reached()
    waiting: list[object] = [obj]
    found.objects[id(obj)] = obj
    found.inner[id(obj)] = 0
    while waiting:
        one = waiting.pop()
        targets = []
        for target in referents_of(one):
            if is_shared(target):
                continue
            key = id(target)
            if key not in found.objects:
                found.objects[key] = target
                found.inner[key] = 0
                waiting.append(target)
            found.inner[key] += 1
            targets.append(key)
        found.referents[id(one)] = targets
    return found


def _retained(obj: object, found: _Reached) -> set[int]:
    """Take away what somebody outside refers to, and all that it reaches."""
    start = id(obj)
    outside = [key for key in found.objects if key != start and _is_held_outside(key, found)]
    kept = set(outside)
    while outside:
        for target in found.referents[outside.pop()]:
            if target not in kept and target != start:
                kept.add(target)
                outside.append(target)
    return {key for key in found.objects if key not in kept}


def _is_held_outside(key: int, found: _Reached) -> bool:
    # Our own dict has one, the argument another.
    count = _count(found.objects, key)
    return count >= _IMMORTAL or count > found.inner[key]


def _count(objects: dict[int, object], key: int) -> int:
    return sys.getrefcount(objects[key]) - _OWN


def _own_references() -> int:
    """References that our counting itself makes: the dict's, and those of the call."""
    probe: dict[int, object] = {0: object()}
    return sys.getrefcount(probe[0])


_OWN = _own_references()


def by_type(objects: Iterable[object]) -> dict[str, tuple[int, int]]:
    """Objects and bytes for each type, the most bytes first."""
    totals: dict[str, tuple[int, int]] = {}
    for one in objects:
        kind = type(one)
        name = kind.__qualname__
        if kind.__module__ != "builtins":
            name = f"{kind.__module__}.{name}"
        count, total = totals.get(name, (0, 0))
        totals[name] = (count + 1, total + sys.getsizeof(one, 0))
    return dict(sorted(totals.items(), key=lambda row: -row[1][1]))
