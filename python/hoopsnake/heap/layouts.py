# SPDX-License-Identifier: Apache-2.0
"""Kinds of layouts and of references: the numbers of docs/format/snapshot.md."""

from __future__ import annotations

from enum import IntEnum


class Layout(IntEnum):
    OTHER = 0
    STR = 1
    BYTES = 2
    INT = 3
    FLOAT = 4
    TUPLE = 5
    LIST = 6
    DICT = 7
    SET = 8
    TYPE = 9
    FUNCTION = 10
    BUILTIN_FUNCTION = 11
    METHOD = 12
    CODE = 13
    FRAME = 14
    CELL = 15
    MODULE = 16
    WEAK_REFERENCE = 17
    GENERATOR = 18
    BYTEARRAY = 19
    DEQUE = 20
    EXCEPTION = 21
    TRACEBACK = 22
    PARTIAL = 23
    LRU_CACHE = 24
    CONTEXT = 25
    INSTANCE = 28
    BOOL = 32
    NONE = 33
    INTERPRETER = 40
    THREAD = 41
    RUNNING_FRAME = 42


class EdgeKind(IntEnum):
    """How an object refers to another."""

    FIELD = 0
    TYPE = 1
    ITEM = 2
    KEY = 3
    VALUE = 4
    MEMBER = 5
    ATTRIBUTE = 6
    DICT = 7
    CELL = 8
    LOCAL = 9
    STACK = 10
    WEAK = 11
    FRAME = 12


ENTRIES = (EdgeKind.ITEM, EdgeKind.KEY, EdgeKind.VALUE, EdgeKind.MEMBER)

FRAMES = (Layout.FRAME, Layout.RUNNING_FRAME, Layout.GENERATOR)
CONTAINERS = (Layout.LIST, Layout.DICT, Layout.SET, Layout.DEQUE)
