# SPDX-License-Identifier: Apache-2.0
"""Objects of all kinds, and a module's worth of ways to hold them, for snapshots to be compared."""

from __future__ import annotations

import array
import asyncio
import atexit
import collections
import contextvars
import ctypes
import decimal
import functools
import io
import itertools
import mmap
import re
import struct
import sys
import threading
import types
import weakref
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Any


class Plain:
    def __init__(self) -> None:
        self.number = 1
        self.items = [2]
        self.table: dict[str, int] = {}


class Slotted:
    __slots__ = ("left", "right")


class Rows(list):  # type: ignore[type-arg]
    pass


class Pair(tuple):  # type: ignore[type-arg]
    pass


class Table(dict):  # type: ignore[type-arg]
    pass


class Number(int):
    pass


class MishapError(Exception):
    pass


class Marker:
    """What the tests look for by name."""

    def __init__(self, name: str) -> None:
        self.name = name


def containers(number: int) -> list[Any]:
    plain = Plain()
    plain.items.append(plain)  # type: ignore[arg-type]
    if number % 2:
        vars(plain)
    if number == 3:
        plain.late = 1  # type: ignore[attr-defined]
    slotted = Slotted()
    slotted.left, slotted.right = plain, [slotted]
    rows, pair, table = Rows([1, 2, plain]), Pair((1, plain)), Table(a=1, b=plain)
    rows.extra = pair.extra = table.extra = [number]  # type: ignore[attr-defined]
    table[5] = 6
    big = Number(10**30)
    big.extra = [1]  # type: ignore[attr-defined]
    return [
        plain,
        slotted,
        rows,
        pair,
        table,
        big,
        collections.OrderedDict(a=1, b=[2]),
        collections.defaultdict(list, {1: [2]}),
        collections.deque(range(number * 50)),
        {1, 2, (3, 4)},
        frozenset([plain]),
        array.array("d", [1.0] * 100),
        bytearray(b"x" * 1000),
        memoryview(bytearray(b"y" * 50)),
        types.SimpleNamespace(a=1),
        types.MappingProxyType({}),
        type(f"Made{number}", (Plain,), {"kept": [1]})(),
    ]


def functions(number: int, plain: Any) -> list[Any]:
    def closed(a: int, b: list[int] = [1], *, c: dict[str, int] = {}) -> object:  # noqa: B006
        return plain, a

    def suspended(argument: object) -> Iterator[object]:
        local = [argument]
        yield local
        yield argument

    closed.attribute = [1]  # type: ignore[attr-defined]
    running = suspended(plain)
    next(running)
    return [
        closed,
        plain.__init__,
        functools.partial(closed, 1, b=[2]),
        functools.lru_cache(closed),
        property(closed),
        classmethod(closed),
        staticmethod(closed),
        running,
        suspended([1]),
        itertools.count(5),
        iter([1, plain]),
        map(closed, [1]),
        zip([1], [2], strict=True),
        slice(plain, 1, 2),
        super(Plain, plain),
        weakref.ref(plain, lambda _: None),
        weakref.proxy(plain),
        weakref.WeakValueDictionary(a=plain),
    ]


def values(number: int) -> list[Any]:
    copied = contextvars.copy_context()
    variable: contextvars.ContextVar[Any] = contextvars.ContextVar(f"variable{number}")
    copied.run(variable.set, [number])
    local = threading.local()
    local.x = [1]
    texts = ["x" * number, "\u1234" * number, "\U00012345" * number, "\xe9" * number]
    texts[3].encode()
    return [
        *texts,
        copied,
        variable,
        local,
        decimal.Decimal(10) ** 50,
        re.compile(f"a+{number}"),
        io.BytesIO(b"x" * 100),
        io.StringIO("x" * 100),
        ElementTree.fromstring("<a><b/></a>"),
        struct.Struct("<ii"),
        mmap.mmap(-1, 16384),
        (ctypes.c_int * 10)(),
    ]


def mishap(plain: object) -> BaseException:
    try:
        raise MishapError("x", plain)
    except MishapError as error:
        return error


def everything() -> list[Any]:
    kept: list[Any] = []
    for number in range(10):
        some = containers(number)
        kept += some
        kept += functions(number, some[0])
        kept += values(number)
        kept.append(mishap(some[0]))
        kept.append(sys._getframe())
    return kept


# --- held by name ---------------------------------------------------------------------------------

held_by_global = Marker("global")
held_in_dict = {"some_key": Marker("dict value"), 7: Marker("number")}
held_in_list = [0, Marker("list item")]


class Holder:
    of_class = Marker("class attribute")
    __slots__ = ("of_slot",)

    def __init__(self) -> None:
        self.of_slot = Marker("slot")


class Inline:
    def __init__(self) -> None:
        self.of_instance = Marker("attribute")


holder, inline = Holder(), Inline()


def with_default(
    argument: object = Marker("default argument"),
    *,
    word: object = Marker("word"),
) -> None:
    pass


def make_closure() -> Any:
    variable = Marker("closure cell")
    return lambda: variable


closure = make_closure()


@functools.lru_cache(maxsize=8)
def cached(number: int) -> Marker:
    return Marker("cached")


cached(1)


def make_generator() -> Iterator[Marker]:
    in_generator = Marker("generator local")
    yield in_generator


generator = make_generator()
next(generator)
context_variable: contextvars.ContextVar[Marker] = contextvars.ContextVar("context_variable")
context_variable.set(Marker("context variable"))


def ignore(*_: object) -> None:
    pass


watched = Marker("watched")
reference = weakref.ref(watched, functools.partial(ignore, Marker("callback argument")))
atexit.register(lambda kept=Marker("at exit"): None)  # noqa: B008
thread_local = threading.local()
thread_local.value = Marker("thread local")


async def sleep_long() -> None:
    in_task = Marker("task local")
    await asyncio.sleep(1000)
    del in_task


loop = asyncio.new_event_loop()
task = loop.create_task(sleep_long())  # noqa: RUF006
loop.run_until_complete(asyncio.sleep(0))


def last_words() -> BaseException:
    in_frame = Marker("traceback local")
    try:
        raise MishapError(in_frame.name)
    except MishapError as error:
        return error


last_error = last_words()
