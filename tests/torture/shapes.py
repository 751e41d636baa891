# SPDX-License-Identifier: Apache-2.0
"""Shapes of nodes: one for each kind of object that can be part of a cycle.

A node is an object of some kind (its holder) that owns a box. Where the kind can, it refers to
other nodes by itself; else the box does.
"""

from __future__ import annotations

import _thread
import asyncio
import collections
import contextvars
import functools
import gc
import io
import itertools
import queue
import sys
import types
import weakref
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from journal import Box

Holder = Any


def _box_targets(shape: Shape, holder: Holder) -> list[Holder]:
    return list(shape.open(holder))


def _box_add(shape: Shape, holder: Holder, target: Holder) -> None:
    shape.open(holder).append(target)


def _box_drop(shape: Shape, holder: Holder, index: int) -> None:
    del shape.open(holder)[index]


@dataclass(frozen=True)
class Shape:
    """`make` puts a box in, `open` gets it. The rest is how it refers to other nodes."""

    name: str
    make: Callable[[Box], Holder]
    open: Callable[[Holder], Box]
    targets_by: Callable[[Shape, Holder], list[Holder]] = _box_targets
    add_by: Callable[[Shape, Holder, Holder], None] = _box_add
    drop_by: Callable[[Shape, Holder, int], None] = _box_drop
    weight: float = 1.0
    is_leaf: bool = False  # its kind knows no collector: a cycle through it would live for ever
    is_fragile: bool = False  # needs threads or much memory to be made, or errors lose it

    def targets(self, holder: Holder) -> list[Holder]:
        return self.targets_by(self, holder)

    def add(self, holder: Holder, target: Holder) -> None:
        self.add_by(self, holder, target)

    def drop(self, holder: Holder, index: int) -> None:
        self.drop_by(self, holder, index)


# --- classes and functions that nodes are made of ------------------------------------------------


class Plain:
    """An instance with a dictionary."""

    def method(self) -> None:
        """To be bound."""


class Slotted:
    """An instance without one."""

    __slots__ = ("box", "targets")


class Pair(collections.namedtuple("Pair", "left box")):
    """A tuple's subclass, with a dictionary."""


class Ref(weakref.ref):  # type: ignore[type-arg]
    """A weak reference that owns things."""


class CarriedError(Exception):
    """To be raised."""


class Bytes(io.BytesIO):
    """A C type's subclass."""


class Referent:
    """What a Ref may refer to."""


REFERENT = Referent()
VARIABLE: contextvars.ContextVar[Any] = contextvars.ContextVar("VARIABLE")
LOOP = asyncio.new_event_loop()  # never runs


def first(one: Any, *_: Any) -> Any:
    return one


def suspended(box: Box) -> Any:
    # The first argument waits on the stack, borrowed from the local in newer versions.
    while True:
        first(box, (yield box))


def suspended_deep(box: Box) -> Any:
    yield from suspended(box)


class Pause:
    """Awaited, it gives the box to whoever drives the coroutine."""

    def __init__(self, box: Box) -> None:
        self.box = box

    def __await__(self) -> Any:
        yield self.box


async def coroutine(box: Box) -> None:
    while True:
        first(box, await Pause(box))


async def async_generator(box: Box) -> Any:
    while True:
        first(box, (yield box))


def started(generator: Any) -> Any:
    generator.send(None)
    return generator


def step_async(generator: Any) -> Box:
    try:
        generator.__anext__().send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    raise AssertionError("an async generator that waits")


def start_async(generator: Any) -> Any:
    step_async(generator)
    return generator


def raise_box(box: Box) -> None:
    inner = box
    raise CarriedError(inner)


def caught(box: Box) -> CarriedError:
    try:
        raise_box(box)
    except CarriedError as error:
        return error
    raise AssertionError


def chained(box: Box) -> CarriedError:
    try:
        try:
            raise CarriedError()
        except CarriedError as error:
            error.box = box  # type: ignore[attr-defined]
            raise RuntimeError("second") from error
    except RuntimeError as error:
        return error  # type: ignore[return-value]


def running_frame(box: Box) -> types.FrameType:
    kept = box
    return first(sys._getframe(), kept)  # type: ignore[no-any-return]


def made_in_a_thread(function: Callable[[Box], Holder], box: Box) -> Holder:
    """A frame holds those that called it, and so would all that our callers know."""
    made: list[Holder] = []
    lock = _thread.allocate_lock()

    def work(box: Box) -> None:
        try:
            made.append(function(box))
        finally:
            lock.release()

    lock.acquire()
    _thread.start_new_thread(work, (box,))
    lock.acquire()
    return made.pop()


def closure(box: Box) -> Callable[[], Box]:
    def inner() -> Box:
        return box

    return inner


def default_argument(box: Box) -> Callable[..., Box]:
    def inner(kept: Box = box) -> Box:
        return kept

    return inner


def instance(kind: Any, box: Box, *arguments: Any) -> Any:
    made = kind(*arguments)
    made.box = box
    return made


def slotted(box: Box) -> Slotted:
    made = Slotted()
    made.box, made.targets = box, []
    return made


def made_class(box: Box) -> type:
    return type("Made", (Plain,), {"box": box, "targets": []})


def made_by_metaclass(box: Box) -> type:
    meta = type("Meta", (type,), {"box": box})
    return meta("Made", (), {"method": lambda self: self})  # type: ignore[no-any-return]


def instance_of_own_class(box: Box) -> Any:
    return type("Own", (), {"__slots__": ("__weakref__", "one"), "box": box})()


def context(box: Box) -> contextvars.Context:
    made = contextvars.Context()
    made.run(VARIABLE.set, box)
    return made


def simple_queue(box: Box) -> Any:
    made: Any = queue.SimpleQueue()
    made.put(box)
    return made


def open_queue(made: Any) -> Box:
    box = made.get()
    made.put(box)
    return box  # type: ignore[no-any-return]


def future(box: Box) -> Any:
    made = asyncio.Future(loop=LOOP)
    made.set_result(box)
    return made


def element(box: Box) -> Any:
    made = ElementTree.Element("node")
    made.attrib["box"] = box  # type: ignore[assignment]
    made.append(ElementTree.Element("child"))
    return made


def deep(box: Box) -> Any:
    made: Any = box
    for i in range(3000):
        made = (made,) if i % 2 else [made]
    return made


def open_deep(made: Any) -> Box:
    while not isinstance(made, Box):
        made = made[0]
    return made


def huge(box: Box) -> list[Any]:
    return [[i] for i in range(20000)] + [box]


def huge_tuple(box: Box) -> tuple[Any, ...]:
    return (None,) * 200000 + (box,)  # over 1 MiB


def open_any(made: Any) -> Box:
    """Looks for the box behind an iterator or the like."""
    at, seen = [made], {id(made)}
    while at:
        for one in gc.get_referents(at.pop(0)):
            if isinstance(one, Box):
                return one
            if id(one) not in seen and not isinstance(one, (type, types.ModuleType)):
                seen.add(id(one))
                at.append(one)
    raise AssertionError(f"no box behind {type(made).__name__}")


# --- shapes that refer to others by themselves ---------------------------------------------------


def _sequence(name: str, kind: Any, weight: float = 1.0) -> Shape:
    def drop(_: Shape, holder: Any, index: int) -> None:
        del holder[index + 1]

    return Shape(
        name,
        lambda box: kind([box]),
        lambda holder: holder[0],  # type: ignore[no-any-return]
        lambda _, holder: list(holder)[1:],
        lambda _, holder, target: holder.append(target),
        drop,
        weight,
    )


def _mapping(name: str, kind: Any, weight: float = 1.0) -> Shape:
    def make(box: Box) -> Any:
        made = kind()
        made[-1] = box
        made[0] = -1  # the last key
        return made

    def targets(_: Shape, holder: Any) -> list[Any]:
        return [holder[key] for key in holder if key > 0]

    def add(_: Shape, holder: Any, target: Any) -> None:
        number = holder[0] = max(holder[0], 0) + 1
        holder[number] = target

    def drop(_: Shape, holder: Any, index: int) -> None:
        del holder[[key for key in holder if key > 0][index]]

    return Shape(name, make, lambda holder: holder[-1], targets, add, drop, weight)


def _attributes(name: str, make: Callable[[Box], Any], weight: float = 1.0) -> Shape:
    """`holder.box`, and a list or attributes by number."""

    def targets(_: Shape, holder: Any) -> list[Any]:
        names = vars(holder)
        return [names[name] for name in names if name.startswith("target")]

    def add(_: Shape, holder: Any, target: Any) -> None:
        holder.number = number = getattr(holder, "number", 0) + 1
        setattr(holder, f"target{number}", target)

    def drop(_: Shape, holder: Any, index: int) -> None:
        delattr(holder, [name for name in vars(holder) if name.startswith("target")][index])

    return Shape(name, make, lambda holder: holder.box, targets, add, drop, weight)


def _slots() -> Shape:
    def drop(_: Shape, holder: Any, index: int) -> None:
        del holder.targets[index]

    return Shape(
        "slots",
        slotted,
        lambda holder: holder.box,
        lambda _, holder: list(holder.targets),
        lambda _, holder, target: holder.targets.append(target),
        drop,
        2.0,
    )


class UserMapping(collections.UserDict):  # type: ignore[type-arg]
    """A Python class around a dictionary."""


def _wide_shapes() -> list[Shape]:
    return [
        _sequence("list", list, 3),
        _sequence("deque", collections.deque),
        _sequence("user list", collections.UserList),
        _mapping("dict", dict, 3),
        _mapping("ordered dict", collections.OrderedDict),
        _mapping("default dict", functools.partial(collections.defaultdict, list)),
        _mapping("user dict", UserMapping),
        _attributes("instance", lambda box: instance(Plain, box), 3),
        _attributes("namespace", lambda box: types.SimpleNamespace(box=box)),
        _attributes("module", lambda box: instance(types.ModuleType, box, "made")),
        _attributes("bytes io", lambda box: instance(Bytes, box)),
        _attributes("weak reference", lambda box: instance(Ref, box, REFERENT)),
        _slots(),
    ]


# --- shapes whose box refers to others -----------------------------------------------------------


def _narrow_shapes() -> list[Shape]:
    def thrown(error: Any) -> Box:
        return error.__traceback__.tb_next.tb_frame.f_locals["inner"]  # type: ignore[no-any-return]

    in_thread = functools.partial
    return [
        Shape("box", lambda box: box, lambda box: box, weight=2),
        Shape("tuple", lambda box: (1, box), lambda made: made[1], weight=2),
        Shape("resized tuple", lambda box: tuple(x for x in (1, 2, box)), lambda made: made[2]),
        Shape("named tuple", lambda box: Pair(1, box), lambda made: made.box),
        Shape("set", lambda box: {box}, lambda made: next(iter(made))),
        Shape("frozen set", lambda box: frozenset([box, 1]), open_any),
        Shape("generator", lambda box: started(suspended(box)), next, weight=3),
        Shape("deep generator", lambda box: started(suspended_deep(box)), next),
        Shape("coroutine", lambda box: started(coroutine(box)), lambda made: made.send(None)),
        Shape("async generator", lambda box: start_async(async_generator(box)), step_async),
        Shape("closure", closure, lambda made: made(), weight=2),
        Shape("default argument", default_argument, lambda made: made()),
        Shape("cell", types.CellType, lambda made: made.cell_contents),
        Shape("bound method", lambda box: instance(Plain, box).method, lambda m: m.__self__.box),
        Shape("builtin method", lambda box: box.append, lambda made: made.__self__),
        Shape("partial", lambda box: functools.partial(first, box), lambda made: made()),
        Shape("cached", lambda box: functools.lru_cache(closure(box)), lambda made: made()),
        Shape("property", lambda box: property(closure(box)), lambda made: made.fget()),
        Shape("static method", lambda b: staticmethod(closure(b)), lambda made: made.__func__()),
        Shape("class", made_class, lambda made: made.box, weight=2),
        Shape("metaclass", made_by_metaclass, lambda made: type(made).box),
        Shape("own class", instance_of_own_class, lambda made: made.box, weight=2),
        Shape("dict view", lambda box: {1: box}.values(), lambda made: next(iter(made))),
        Shape("items view", lambda box: {1: box}.items(), lambda made: next(iter(made))[1]),
        Shape("proxy", lambda b: types.MappingProxyType({1: b}), lambda made: made[1]),
        Shape("generic", lambda b: types.GenericAlias(list, (b,)), lambda made: made.__args__[0]),
        Shape("context", context, lambda made: made[VARIABLE]),
        Shape("queue", simple_queue, open_queue),
        Shape("future", future, lambda made: made.result()),
        Shape("element", element, lambda made: made.get("box")),
        Shape("super", lambda b: super(Plain, instance(Plain, b)), lambda m: m.__self__.box),
        Shape("list iterator", lambda box: iter([box]), open_any),
        Shape("chain", lambda box: itertools.chain([box]), open_any),
        Shape("cycle", lambda box: itertools.cycle([box]), next),
        Shape("repeat", itertools.repeat, next),
        Shape("tee", lambda box: itertools.tee([box])[0], open_any),
        Shape("zip", lambda box: zip([box], [1], strict=True), open_any),
        Shape("map", lambda box: map(first, [box]), open_any),
        Shape("enumerate", lambda box: enumerate([box]), open_any),
        Shape("deep", deep, open_deep, weight=0.05),
        Shape("huge", huge, lambda made: made[-1], weight=0.03, is_fragile=True),
        Shape("huge tuple", huge_tuple, lambda made: made[-1], weight=0.03, is_fragile=True),
        Shape(
            "exception",
            in_thread(made_in_a_thread, caught),
            thrown,
            weight=0.5,
            is_fragile=True,
        ),
        Shape(
            "chained exception",
            in_thread(made_in_a_thread, chained),
            lambda made: made.__cause__.box,
            weight=0.5,
            is_fragile=True,
        ),
        Shape(
            "frame",
            in_thread(made_in_a_thread, running_frame),
            lambda made: made.f_locals["kept"],
            weight=0.5,
            is_fragile=True,
        ),
    ]


# Those whose finalizer lets go of what they hold: brought back, they are empty.
EMPTIED_BY_FINALIZER = {"generator", "deep generator", "coroutine", "async generator"}

SHAPES: list[Shape] = _wide_shapes() + _narrow_shapes()
