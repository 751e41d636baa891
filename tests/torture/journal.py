# SPDX-License-Identifier: Apache-2.0
"""Who was finalized, and how often. Plain bytes: nothing here holds an object of a test."""

from __future__ import annotations

import itertools
import weakref
from typing import Any, ClassVar

GROWS_BY = 1 << 16


class DisagreementError(Exception):
    """The model and what happened differ."""


class Journal:
    """A byte for each object ever made, per kind of event."""

    def __init__(self) -> None:
        self.made = bytearray(GROWS_BY)
        self.called = bytearray(GROWS_BY)  # __del__ of a box
        self.gone = bytearray(GROWS_BY)  # its token is freed
        self.called_back = bytearray(GROWS_BY)  # callbacks of weak references
        self.finalized = bytearray(GROWS_BY)  # weakref.finalize
        self.serials = itertools.count()

    def next_serial(self) -> int:
        serial = next(self.serials)
        while serial >= len(self.finalized):
            for column in (self.made, self.called, self.gone, self.called_back, self.finalized):
                column.extend(bytes(GROWS_BY))
        return serial


JOURNAL = Journal()


class Token:
    """Dies with the box that it lies in; no collector knows it."""

    __slots__ = ("serial",)

    def __init__(self, serial: int) -> None:
        self.serial = serial
        JOURNAL.made[serial] = 1

    def __del__(self) -> None:
        JOURNAL.gone[self.serial] += 1


class Box(list[Any]):
    """The inside of a node: its token, and perhaps the node itself and what it refers to."""

    __slots__ = ("__weakref__", "holder", "token")

    has_finalizer = False

    def __init__(self, serial: int) -> None:
        self.holder = None
        self.token = Token(serial)

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


class FinalizedBox(Box):
    """One with a finalizer."""

    __slots__ = ()

    has_finalizer = True

    def __del__(self) -> None:
        JOURNAL.called[self.token.serial] += 1
        self.finish()

    def finish(self) -> None:
        """What the finalizer does besides."""


class BusyBox(FinalizedBox):
    """Its finalizer allocates and makes cycles of its own."""

    __slots__ = ()

    def finish(self) -> None:
        ring: list[Any] = [{"in": (self.token.serial, [str(i) for i in range(20)])}]
        ring.append(ring)


class Phoenix(FinalizedBox):
    """Its finalizer brings it back, once."""

    __slots__ = ()

    risen: ClassVar[list[Any]]  # each world has a class of its own

    def finish(self) -> None:
        self.risen.append(self)


class WeakWatch:
    """Weak references of every kind to boxes, for one world."""

    def __init__(self) -> None:
        self.refs: dict[int, weakref.ref[Box]] = {}
        self.with_callback: dict[int, weakref.ref[Box]] = {}
        self.values: weakref.WeakValueDictionary[int, Box] = weakref.WeakValueDictionary()
        self.keys: weakref.WeakKeyDictionary[Box, int] = weakref.WeakKeyDictionary()
        self.set: weakref.WeakSet[Box] = weakref.WeakSet()
        self.finalizers: set[int] = set()

    def add(self, box: Box, serial: int, choice: int) -> None:
        self.refs[serial] = weakref.ref(box)
        if choice == 1:
            self.with_callback[serial] = weakref.ref(box, self._callback(serial))
        elif choice == 2:
            self.values[serial] = box
        elif choice == 3:
            self.keys[box] = serial
        elif choice == 4:
            self.set.add(box)
        elif choice == 5:
            self.finalizers.add(serial)
            weakref.finalize(box, self._finalizer, serial)

    @staticmethod
    def _callback(serial: int) -> Any:
        def call(_: object, serial: int = serial) -> None:
            JOURNAL.called_back[serial] += 1

        return call

    @staticmethod
    def _finalizer(serial: int) -> None:
        JOURNAL.finalized[serial] += 1

    def forget(self, serial: int) -> None:
        self.refs.pop(serial, None)
        self.with_callback.pop(serial, None)
        self.finalizers.discard(serial)

    def faults_of_dead(self, serial: int) -> str:
        """What is wrong, for one that is gone."""
        if serial in self.refs and self.refs[serial]() is not None:
            return "a weak reference to it still leads somewhere"
        if serial in self.with_callback and JOURNAL.called_back[serial] != 1:
            return f"callback called {JOURNAL.called_back[serial]} times"
        if serial in self.finalizers and JOURNAL.finalized[serial] != 1:
            return f"weakref.finalize ran {JOURNAL.finalized[serial]} times"
        return "still in a WeakValueDictionary" if serial in self.values else ""

    def faults_of_living(self, serial: int, box: Box) -> str:
        if serial in self.refs and self.refs[serial]() is not box:
            return "a weak reference to it leads elsewhere"
        if JOURNAL.called_back[serial] or JOURNAL.finalized[serial]:
            return "a callback was called"
        if box in self.keys and self.keys[box] != serial:
            return "another's value in a WeakKeyDictionary"
        return ""

    def check_sizes(self, living: set[int]) -> str:
        """After everything dead is gone."""
        extra = set(self.values.keys()) - living
        extra |= set(self.keys.values()) - living
        extra |= {box.token.serial for box in self.set} - living
        return f"weak containers still hold {sorted(extra)[:10]}" if extra else ""
