# SPDX-License-Identifier: Apache-2.0
"""`hoopsnake.copy_cost`: what `copy.copy` and `copy.deepcopy` would make, without making it.

Follows what the module `copy` does for each kind of object, and the sizes that lists, dicts and
sets have once they were filled in the way it fills them. Nothing of the user's is called: where
that would be needed, it is said that the cost is not known.
"""

from __future__ import annotations

import copy
import copyreg
import decimal
import fractions
import re
import sys
from array import array
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import FunctionType, MemberDescriptorType, MethodType
from typing import Any, Literal

from hoopsnake._walk import by_type

_GC_HEAD = 16
_TYPES = dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a copy would make, and what it would share. By type: (objects, bytes)."""

    made: _TYPES
    """New objects."""
    shared: _TYPES
    """Objects that are there, and that the copy refers to."""

    @property
    def objects(self) -> int:
        """New objects."""
        return sum(count for count, _ in self.made.values())

    @property
    def bytes(self) -> int:
        """Of new objects, as `sys.getsizeof` counts them."""
        return sum(total for _, total in self.made.values())


@dataclass(frozen=True, slots=True)
class CopyCost:
    """The cost of both kinds of copy."""

    shallow: Cost
    """`copy.copy`"""
    deep: Cost
    """`copy.deepcopy`"""
    unknown: dict[str, str]
    """Types of which it could not be known what their copy makes, and why. Nothing of these, and
    of what only they refer to, is in the figures."""


@dataclass(slots=True)
class _Plan:
    """What copying one object does."""

    kind: Literal["same", "new", "tuple", "unknown"]
    parts: list[object] = field(default_factory=list)  # that are copied, or shared
    made: list[tuple[type, int]] = field(default_factory=list)  # type and size of new objects
    reason: str = ""


_SAME = _Plan("same")


def copy_cost(obj: object) -> CopyCost:
    """See `hoopsnake.copy_cost`."""
    unknown: dict[str, str] = {}
    return CopyCost(_shallow(obj, unknown), _deep(obj, unknown), unknown)


# --- the two walks -------------------------------------------------------------------------------


def _shallow(obj: object, unknown: dict[str, str]) -> Cost:
    plan = _plan(obj, deep=False)
    if plan.kind == "unknown":
        unknown[_name(type(obj))] = plan.reason
        return Cost({}, {})
    if plan.kind == "same":
        return Cost({}, by_type([obj]))
    return Cost(_totals(plan.made), by_type(_once(plan.parts)))


def _once(objects: Iterable[object]) -> list[object]:
    return list({id(one): one for one in objects}.values())


def _deep(obj: object, unknown: dict[str, str]) -> Cost:
    plans: dict[int, _Plan] = {}
    objects: dict[int, object] = {}
    waiting = [obj]
    while waiting:
        one = waiting.pop()
        if id(one) in plans:
            continue
        objects[id(one)] = one
        plan = plans[id(one)] = _plan(one, deep=True)
        waiting += plan.parts
        if plan.kind == "unknown":
            unknown[_name(type(one))] = plan.reason
    _settle_tuples(objects, plans)
    made = [row for plan in plans.values() if plan.kind == "new" for row in plan.made]
    same = [objects[key] for key, plan in plans.items() if plan.kind in ("same", "tuple")]
    return Cost(_totals(made), by_type(same))


def _settle_tuples(objects: dict[int, object], plans: dict[int, _Plan]) -> None:
    """A tuple is made anew if anything in it is."""
    above: dict[int, list[int]] = {}
    waiting = []
    for key, plan in plans.items():
        if plan.kind == "tuple":
            for part in plan.parts:
                above.setdefault(id(part), []).append(key)
        elif plan.kind in ("new", "unknown"):
            waiting.append(key)
    while waiting:
        for key in above.get(waiting.pop(), ()):
            if plans[key].kind == "tuple":
                plans[key].kind = "new"
                waiting.append(key)


def _totals(made: Iterable[tuple[type, int]]) -> _TYPES:
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for kind, size in made:
        counts[_name(kind)] += 1
        sizes[_name(kind)] += size
    return {name: (counts[name], sizes[name]) for name, _ in sizes.most_common()}


def _name(kind: type) -> str:
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


# --- what is done with one object ----------------------------------------------------------------

_ALWAYS_SAME = (decimal.Decimal, fractions.Fraction, re.Pattern, re.Match)


def _plan(one: object, *, deep: bool) -> _Plan:
    kind = type(one)
    if _is_same(kind, deep=deep):
        return _SAME
    known: Callable[[Any, bool], _Plan] | None = _KNOWN.get(kind)
    if known is not None and not _is_replaced(kind, deep=deep):
        return known(one, deep)
    reason = _why_unknown(kind, deep=deep)
    if reason:
        return _Plan("unknown", reason=reason)
    return _instance(one, deep=deep)


def _is_same(kind: type, *, deep: bool) -> bool:
    if issubclass(kind, type) or kind in _ALWAYS_SAME:
        return True
    module: Any = copy
    if deep:
        if kind in getattr(module, "_atomic_types", ()):
            return True
        atomic = getattr(module, "_deepcopy_atomic", None)
        return atomic is not None and module._deepcopy_dispatch.get(kind) is atomic
    if kind in getattr(module, "_copy_atomic_types", ()):
        return True
    immutable = getattr(module, "_copy_immutable", None)
    return immutable is not None and module._copy_dispatch.get(kind) is immutable


def _is_replaced(kind: type, *, deep: bool) -> bool:
    """Somebody has said how to copy this type."""
    return kind in copyreg.dispatch_table


def _why_unknown(kind: type, *, deep: bool) -> str:
    """Why what is done cannot be told without calling the user's code; "" if it can."""
    own = "__deepcopy__" if deep else "__copy__"
    if _lookup(kind, own) is not None:
        return f"has its own {own}"
    for name in ("__getattr__", "__getattribute__"):
        if isinstance(_lookup(kind, name), FunctionType):
            return f"its {name} would be called"
    if kind in copyreg.dispatch_table:
        return "copyreg says how to copy it"
    return _why_not_default(kind)


def _why_not_default(kind: type) -> str:
    for name in ("__reduce_ex__", "__reduce__", "__getstate__", "__new__"):
        if _lookup(kind, name) is not vars(object).get(name):
            return f"has its own {name}"
    for name in ("__setstate__", "__getnewargs__", "__getnewargs_ex__"):
        if _lookup(kind, name) is not None:
            return f"has its own {name}"
    for name in ("__setattr__", "__sizeof__", "__dict__"):
        if isinstance(_lookup(kind, name), (FunctionType, property)):
            return f"has its own {name}"
    if kind.__itemsize__ or not kind.__flags__ & _HEAP_TYPE:
        return "is made in C"
    if any(not base.__flags__ & _HEAP_TYPE and base is not object for base in kind.__mro__):
        return "has a base that is made in C"
    return ""


_HEAP_TYPE = 1 << 9


def _lookup(kind: type, name: str) -> object:
    """As attributes are looked up, without calling what is found."""
    for base in type.mro(kind) if type(kind) is type else kind.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return None


# --- containers ----------------------------------------------------------------------------------


def _list(one: Any, deep: bool) -> _Plan:
    size = sys.getsizeof([])
    if deep:
        size += 8 * _appended(len(one))
    else:
        size += 8 * len(one)
    return _Plan("new", list(one), [(list, size)])


def _appended(items: int) -> int:
    """Slots of a list to which so many were appended."""
    slots = 0
    while slots < items:
        slots = (slots + 1 + ((slots + 1) >> 3) + 6) & ~3
    return slots


def _dict(one: Any, deep: bool) -> _Plan:
    parts = [*one.keys(), *one.values()]
    if not deep:
        return _Plan("new", parts, [(dict, _copied_dict(one))])
    return _Plan("new", parts, [(dict, _filled_dict(one))])


def _default_dict(one: Any, deep: bool) -> _Plan:
    base = sys.getsizeof(defaultdict()) - sys.getsizeof({})
    size = (_filled_dict(one) if deep else _updated_dict(one)) + base
    parts = [*dict.keys(one), *dict.values(one)]
    if one.default_factory is not None:
        parts.append(one.default_factory)
    return _Plan("new", parts, [(defaultdict, size)])


_KEYS_HEADER = 40 if sys.version_info < (3, 11) else 32
_SHORT_INDEX, _LONG_INDEX = 128, 32768


def _table(slots: int, *, text_keys: bool) -> int:
    index = 1 if slots <= _SHORT_INDEX else 2 if slots <= _LONG_INDEX else 4
    entry = 16 if text_keys and sys.version_info >= (3, 11) else 24
    return _KEYS_HEADER + slots * index + slots * 2 // 3 * entry


def _power(least: int) -> int:
    return max(8, 1 << max(least - 1, 0).bit_length())


def _filled_dict(one: dict[object, object]) -> int:
    """Size of a dict into which the keys were put one after the other."""
    empty = sys.getsizeof({})
    if not one:
        return empty
    slots, text_keys = 8, True
    for number, key in enumerate(dict.keys(one)):
        if text_keys and type(key) is not str:
            text_keys = False
            if number and sys.version_info >= (3, 11):
                slots = slots * 2 if sys.version_info < (3, 14) else _power(number * 3)
        if number >= slots * 2 // 3:
            slots = _power(number * 3)
    return empty + _table(slots, text_keys=text_keys)


def _copied_dict(one: dict[object, object]) -> int:
    """Size of `one.copy()`: with a table like its own, or a smaller one if much was taken out."""
    size = sys.getsizeof(one)
    empty = sys.getsizeof({})
    if not one:
        return empty
    tight = _updated_dict(one)
    text_keys = all(type(key) is str for key in one)
    slots = 8
    while empty + _table(slots, text_keys=text_keys) < size and slots < 1 << 62:
        slots *= 2
    # It is not known how many entries are taken out; a table that is loose may have any number.
    if len(one) * 3 >= slots * 2 // 3 * 2:
        return size
    return max(tight, min(size, empty + _table(slots, text_keys=text_keys)))


def _updated_dict(one: dict[object, object]) -> int:
    """Size of an empty dict that was updated with another."""
    empty = sys.getsizeof({})
    if not one:
        return empty
    text_keys = all(type(key) is str for key in dict.keys(one))
    return empty + _table(_power((len(one) * 3 + 1) // 2), text_keys=text_keys)


def _set(one: Any, deep: bool) -> _Plan:
    kind = type(one)
    size = sys.getsizeof(set()) + 16 * (_added(len(one)) if deep else _merged(len(one)))
    return _Plan("new", list(one), [(kind, size)])


def _added(members: int) -> int:
    """Slots beyond the eight in the object itself, of a set to which so many were added."""
    slots = 8
    for number in range(1, members + 1):
        if number * 5 >= (slots - 1) * 3:
            slots = _above(number * 2 if number > 50_000 else number * 4)
    return slots if slots > 8 else 0


def _merged(members: int) -> int:
    """Of a set that was copied."""
    return _above(members * 2) if members * 5 >= 7 * 3 else 0


def _above(number: int) -> int:
    slots = 8
    while slots <= number:
        slots *= 2
    return slots


def _bytearray(one: Any, deep: bool) -> _Plan:
    size = sys.getsizeof(bytearray()) + (len(one) + 1 if len(one) else 0)
    return _Plan("new", [], [(bytearray, size)])


def _deque(one: Any, deep: bool) -> _Plan:
    block = 8 * 66
    # Appended to from the middle of its first block on; extended from its begin on.
    first = 32 if deep else 63
    blocks = max(0, -(-(len(one) - first) // 64))
    return _Plan("new", list(one), [(deque, sys.getsizeof(deque()) + block * blocks)])


def _array(one: Any, deep: bool) -> _Plan:
    size = sys.getsizeof(array("b")) + len(one) * one.itemsize
    return _Plan("new", [], [(array, size)])


def _tuple(one: Any, deep: bool) -> _Plan:
    return _Plan("tuple", list(one), [(tuple, sys.getsizeof(one))])


def _method(one: Any, deep: bool) -> _Plan:
    if not deep:
        return _Plan("unknown", reason="is made anew by its name")
    return _Plan("new", [one.__self__], [(MethodType, sys.getsizeof(one))])


_KNOWN: dict[type, Callable[[Any, bool], _Plan]] = {
    list: _list,
    dict: _dict,
    defaultdict: _default_dict,
    set: _set,
    frozenset: _set,
    bytearray: _bytearray,
    deque: _deque,
    array: _array,
    tuple: _tuple,
    MethodType: _method,
}


# --- instances -----------------------------------------------------------------------------------


def _instance(one: object, *, deep: bool) -> _Plan:
    """A new object, and a `__dict__` that is updated with the old one's."""
    kind = type(one)
    parts = list(_slot_values(one, kind))
    if kind.__dictoffset__ == 0:
        return _Plan("new", parts, [(kind, _plain_size(one, kind))])
    state: dict[object, object] = object.__getattribute__(one, "__dict__")
    parts += [*state.keys(), *state.values()]
    made = _sizes_of_instance(one, kind, state, deep=deep)
    return _Plan("new", parts, made)


def _slot_values(one: object, kind: type) -> Iterable[object]:
    for base in kind.__mro__:
        for descriptor in vars(base).values():
            if type(descriptor) is MemberDescriptorType and base is not object:
                try:
                    yield descriptor.__get__(one, kind)
                except AttributeError:
                    continue


def _plain_size(one: object, kind: type) -> int:
    return object.__sizeof__(one) + (_pre_header(kind) if kind.__flags__ & _COLLECTED else 0)


_COLLECTED = 1 << 14
_MANAGED_DICT = 1 << 4
_MANAGED_WEAK = 1 << 3


def _pre_header(kind: type) -> int:
    """What lies before the object, and `sys.getsizeof` counts."""
    size = _GC_HEAD
    if (sys.version_info >= (3, 11) and kind.__flags__ & _MANAGED_DICT) or (
        sys.version_info >= (3, 12) and kind.__flags__ & _MANAGED_WEAK
    ):
        size += 16
    return size


def _sizes_of_instance(
    one: object, kind: type, state: dict[object, object], *, deep: bool
) -> list[tuple[type, int]]:
    """Measured on an empty one of its class with the same names, which is thrown away."""
    if not state:
        return [(kind, _plain_size(one, kind))]
    if _lookup(kind, "__del__") is not None:
        return [(kind, _plain_size(one, kind)), (dict, sys.getsizeof(state))]
    probe: object = object.__new__(kind)
    names = object.__getattribute__(probe, "__dict__")
    # What is updated from decides what the table becomes.
    names.update({key: None for key in state} if deep else state)  # noqa: C420
    return [(kind, _plain_size(probe, kind)), (dict, sys.getsizeof(names))]
