# SPDX-License-Identifier: Apache-2.0
"""Instances with a table of attributes each: `__slots__`, and key sharing that was lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypedDict

from hoopsnake.advise import words
from hoopsnake.advise.heap import ClassFacts, Heap
from hoopsnake.advise.model import Advice, Trial
from hoopsnake.explain.places import short_name
from hoopsnake.heap.layouts import Layout
from hoopsnake.report import units

_FEWEST = 100
_MOST_SLOTS = 100
_LOOSE = 1.25  # names of all instances, for each that one has
_TRIAL = 2000
# What a method that uses these may do with attributes, `__slots__` would not allow.
_DYNAMIC = {"__dict__", "vars", "setattr", "cached_property", "__setattr__", "__weakrefoffset__"}
_MADE_BY_DATACLASS = {"__setattr__"}
_PLAIN_METACLASSES = ("type", "abc.ABCMeta")


class Group(TypedDict):
    """A row of survey("instances")."""

    type: int
    count: int
    bytes: int
    dicts: int
    unshared: int
    unshared_bytes: int
    dict_bytes: int
    referred_weakly: int
    attributes: int
    most_attributes: int
    kinds: int
    has_unknown_names: bool
    names: list[tuple[str, int]]
    ids: bytes


def advice(heap: Heap) -> Iterator[Advice]:
    for group in heap.core.survey("instances", heap.least):
        if group["count"] < _FEWEST or not group["names"] or group["has_unknown_names"]:
            continue
        facts = heap.class_of(group["type"])
        if not facts.has_dict:
            continue
        made = _slots(heap, group, facts) or _shared(heap, group, facts)
        if made and made.saving >= heap.least:
            yield made


def why_not_slots(group: Group, facts: ClassFacts) -> str:
    """The reason why `__slots__` would not do; "" if there is none."""
    names = [name for name, _ in group["names"]]
    if len(names) > _MOST_SLOTS or len(names) * group["count"] > _LOOSE * group["attributes"]:
        return "instances have different attributes"
    for one in (facts, *facts.bases):
        if one.is_built_in:
            return f"`{one.name}` is made in C"
        if one is not facts and one.has_dict and one.is_library and not facts.is_library:
            return f"`{one.name}` of a library has no `__slots__`"
        used = one.words & _DYNAMIC
        if one.is_dataclass:
            used -= _MADE_BY_DATACLASS
        if used:
            return f"methods of `{short_name(one.name)}` use {sorted(used)[0]}"
    if facts.metaclass not in _PLAIN_METACLASSES:
        return f"its metaclass is {facts.metaclass}"
    return ""


def _has_cached_property(heap: Heap, facts: ClassFacts) -> bool:
    return any(
        heap.type_of_value(value) == "functools.cached_property"
        for one in (facts, *facts.bases)
        for value in one.keys.values()
    )


def _taken_now(heap: Heap, group: Group) -> int:
    """By all instances, their values and their dicts."""
    mean = round(group["attributes"] / group["count"])
    each = group["bytes"] // group["count"]
    free = group["count"] - group["dicts"]
    with_values = heap.sizes.instance_object(mean, each)
    # What has a dict keeps its values in it; from 3.13 on in the instance, wherever they are.
    alone = with_values if heap.minor >= 13 else heap.sizes.block(each)
    total = free * with_values + group["dicts"] * alone
    if group["dicts"]:
        dict_each = group["dict_bytes"] // group["dicts"]
        total += group["dicts"] * heap.sizes.taken(Layout.DICT, dict_each)
    return total


def _slots(heap: Heap, group: Group, facts: ClassFacts) -> Advice | None:
    if why_not_slots(group, facts) or _has_cached_property(heap, facts):
        return None
    names = [name for name, _ in group["names"]]
    weak = group["referred_weakly"] > 0
    now = _taken_now(heap, group)
    after = heap.sizes.slotted(len(names), weak=weak)
    count = group["count"]
    saving = now - count * after
    if saving < heap.least:
        return None
    held = heap.held(group["ids"])
    name = short_name(facts.name)
    bases = [one for one in facts.bases if one.has_dict and "__dict__" in one.keys]
    made = Advice(
        "slots",
        f"{count:,} `{name}` have a table of attributes each",
        saving,
        count,
        facts.name,
        _slots_change(facts, names, weak, bases, heap.minor),
        _slots_example(facts, names, weak, heap.minor),
        now=now,
        ids=group["ids"],
        file=facts.file,
        line=facts.line,
        is_library=facts.is_library,
        held=held,
    )
    made.evidence.append(
        f"each takes {now // count} bytes with {len(names)} attributes, and would take {after}"
    )
    if group["dicts"]:
        made.evidence.append(
            f"{group['dicts']:,} have a `__dict__` of their own, {group['unshared']:,} of these "
            "with keys that no other shares"
        )
    before = words.plain_class
    if group["dicts"] * 2 > count:
        before = words.dict_class if group["unshared"] * 2 > count else words.asked_class
    made.trial = Trial(before(len(names)), words.slotted_class(len(names), weak=weak), _TRIAL)
    made.unit_saving = saving / count
    return made


def _slots_change(
    facts: ClassFacts, names: list[str], weak: bool, bases: list[ClassFacts], minor: int
) -> str:
    if facts.is_dataclass:
        text = "Declare it as `@dataclass(slots=True)`: attributes then lie in the object itself."
        if weak and minor >= 11:
            text += " Weak references to it need `weakref_slot=True` as well."
        elif weak:
            text += (
                ' Weak references to it need `"__weakref__"` among `__slots__`, written by hand.'
            )
    else:
        text = "Name its attributes in `__slots__`: they then lie in the object itself."
        if weak:
            text += ' Weak references to it need `"__weakref__"` among them.'
    if bases:
        which = ", ".join(f"`{short_name(one.name)}`" for one in bases)
        text += f" {which} below it needs `__slots__` too, of its own attributes or empty."
    clash = sorted(set(names) & set(facts.keys))
    if clash and not facts.is_dataclass:
        text += f" Defaults in the class body ({', '.join(clash[:3])}) move into `__init__`."
    return text + " No other attribute can be set on an instance then, and it has no `__dict__`."


def _slots_example(facts: ClassFacts, names: list[str], weak: bool, minor: int) -> str:
    name = words.bare(facts.name)
    if facts.is_dataclass:
        more = ", weakref_slot=True" if weak and minor >= 11 else ""
        return f"@dataclass(slots=True{more})\nclass {name}:\n    ..."
    listed = [*names, *(["__weakref__"] if weak else [])]
    return f"class {name}:\n    __slots__ = ({words.quoted_names(listed)})"


def _shared(heap: Heap, group: Group, facts: ClassFacts) -> Advice | None:
    """Key sharing that was lost: each instance has the names of its attributes once more."""
    names = [name for name, _ in group["names"]]
    unshared = group["unshared"]
    if unshared < _FEWEST or not _fits(heap, len(names)):
        return None
    each = group["bytes"] // group["count"]
    dict_each = group["unshared_bytes"] // unshared
    mean = round(group["attributes"] / group["count"])
    alone = heap.sizes.instance_object(mean, each) if heap.minor >= 13 else heap.sizes.block(each)
    now = alone + heap.sizes.taken(Layout.DICT, dict_each)
    after = heap.sizes.instance(len(names))
    saving = unshared * (now - after)
    if saving < heap.least:
        return None
    name = short_name(facts.name)
    how = (
        " `self.__dict__.update(...)` is one way to lose it: set them one by one, by `setattr`."
        if any("__dict__" in one.words for one in (facts, *facts.bases))
        else ""
    )
    made = Advice(
        "unshared-attributes",
        f"{unshared:,} `{name}` have the names of their attributes in a table of their own",
        saving,
        unshared,
        facts.name,
        "Set every attribute in `__init__`, always in one order, to None where there is nothing "
        "yet: instances of a class then share one table of names." + how,
        f"class {words.bare(facts.name)}:\n    def __init__(self):\n"
        + "".join(f"        self.{one} = None\n" for one in names[:3])
        + ("        ...\n" if len(names) > 3 else ""),
        now=unshared * now,
        ids=group["ids"],
        file=facts.file,
        line=facts.line,
        is_library=facts.is_library,
        held=heap.held(group["ids"]),
        evidence=[
            f"instances have their attributes in {units.plural(group['kinds'], 'way')}, "
            f"{len(names)} names in all; an object takes {now} bytes with its table of "
            f"{units.size(dict_each)}, and would take {after}",
        ],
    )
    made.trial = Trial(words.dict_class(max(mean, 1)), words.plain_class(len(names)), _TRIAL)
    made.unit_saving = saving / unshared
    return made


def _fits(heap: Heap, names: int) -> bool:
    """Whether so many names can be shared."""
    return names <= 29 if heap.minor > 10 else names <= 20
