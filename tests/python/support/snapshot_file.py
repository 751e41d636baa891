# SPDX-License-Identifier: Apache-2.0
"""Reads a snapshot file, plainly: docs/format/snapshot.md in Python, for tests of what is written.

Slow and simple on purpose: it shares nothing with the reader that users have.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

STRINGS, TYPES, ADDRESS, TYPE, SIZE, COUNT, FLAGS, EDGES = range(1, 9)
EDGE_KIND, EDGE_NAME, EDGE_TARGET, TEXT, CAPACITY, BUFFERS, LABELS, ROOTS, MEMORY, META = range(
    9, 19
)
TEXT_LAYOUTS = {1, 2}
CAPACITY_LAYOUTS = {6, 7, 8, 19, 20}
KINDS = (
    "field type item key value member attribute dict cell local stack weak frame".split()  # noqa: SIM905
)
NOT_COUNTED = 64


@dataclass
class Edge:
    kind: str
    name: str | int | None
    target: int
    is_counted: bool


@dataclass
class Type:
    address: int
    name: str
    module: str
    flags: int
    basic_size: int
    item_size: int
    layout: int
    base: int | None


@dataclass
class Object:
    number: int
    address: int
    type: Type
    size: int
    count: int | None
    flags: int
    edges: list[Edge] = field(default_factory=list)
    text: tuple[int, int, str | None, int] | None = None
    slots: tuple[int, int] | None = None
    buffer: int = 0
    label: tuple[str | None, str | None, str | None, int, int] | None = None


class Column:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def __bool__(self) -> bool:
        return self.at < len(self.data)

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def bytes(self, count: int) -> bytes:
        self.at += count
        assert self.at <= len(self.data)
        return self.data[self.at - count : self.at]

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def signed(self) -> int:
        value = self.number()
        return value >> 1 ^ -(value & 1)


def sections_of(data: bytes) -> dict[int, bytes]:
    assert data[:8] == b"HOOPSNAP"
    assert data[-8:] == b"HOOPEND1"
    (end,) = struct.unpack_from("<Q", data, len(data) - 16)
    _, _, size, _ = struct.unpack_from("<IIQQ", data, end)
    parts: dict[int, list[bytes]] = {}
    for at in range(end + 24, end + 24 + size, 32):
        section, flags, offset, stored, raw = struct.unpack_from("<IIQQQ", data, at)
        assert (flags, stored) == (0, raw), "a plain file is expected"
        parts.setdefault(section, []).append(data[offset + 24 : offset + 24 + stored])
    return {section: b"".join(blocks) for section, blocks in parts.items()}


class SnapshotFile:
    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        self.python_version = struct.unpack_from("<I", data, 20)[0]
        sections = sections_of(data)
        self.columns = {number: Column(sections.get(number, b"")) for number in range(1, 19)}
        self.strings = list(self._strings())
        self.types = list(self._types())
        self.objects = self._objects()
        self.by_address = {found.address: found for found in self.objects}
        assert len(self.by_address) == len(self.objects), "an object is there twice"
        self._edges()
        self._texts()
        self._sparse()
        self.roots = [self.objects[number] for number in self._all(ROOTS)]
        self.memory = {self.string(name): size for name, size in self._pairs(MEMORY)}
        self.meta = {self.string(key): self.string(value) for key, value in self._pairs(META)}
        for number, column in self.columns.items():
            assert not column, f"section {number} has more than was read"

    def string(self, number: int) -> str | None:
        return None if number == 0 else self.strings[number - 1]

    def _all(self, section: int) -> Iterator[int]:
        column = self.columns[section]
        while column:
            yield column.number()

    def _pairs(self, section: int) -> Iterator[tuple[int, int]]:
        column = self.columns[section]
        while column:
            yield column.number(), column.number()

    def _strings(self) -> Iterator[str]:
        column = self.columns[STRINGS]
        while column:
            yield column.bytes(column.number()).decode()

    def _types(self) -> Iterator[Type]:
        column = self.columns[TYPES]
        address = row = 0
        while column:
            address += column.signed()
            name, module = self.string(column.number()), self.string(column.number())
            flags, basic, item = column.number(), column.number(), column.number()
            layout, base = column.byte(), column.signed()
            yield Type(
                address * 8,
                name or "",
                module or "",
                flags,
                basic,
                item,
                layout,
                row + base if base else None,
            )
            row += 1

    def _objects(self) -> list[Object]:
        objects = []
        address = 0
        columns = self.columns
        while columns[ADDRESS]:
            address += columns[ADDRESS].signed()
            count = columns[COUNT].number()
            objects.append(
                Object(
                    len(objects),
                    address * 8,
                    self.types[columns[TYPE].number()],
                    columns[SIZE].number(),
                    count - 1 if count else None,
                    columns[FLAGS].byte(),
                )
            )
        return objects

    def _edges(self) -> None:
        recent = [0] * 256
        counts, kinds = self.columns[EDGES], self.columns[EDGE_KIND]
        names, targets = self.columns[EDGE_NAME], self.columns[EDGE_TARGET]
        for source in self.objects:
            following = {"item": 0, "cell": 0}
            for _ in range(counts.number()):
                coded = kinds.byte()
                kind = KINDS[coded & 63]
                name: str | int | None = None
                if kind in following:
                    name = following[kind] + names.signed()
                    following[kind] = name + 1
                elif kind in ("value", "attribute", "local"):
                    name = self.string(names.number())
                elif kind == "frame":
                    name = names.number()
                target = targets.number()
                if target & 1:
                    address = recent[target >> 1]
                else:
                    step = target >> 1
                    address = source.address // 8 + (step >> 1 ^ -(step & 1))
                    recent[(address * 0x9E3779B97F4A7C15 & (1 << 64) - 1) >> 56] = address
                source.edges.append(Edge(kind, name, address * 8, not coded & NOT_COUNTED))

    def _texts(self) -> None:
        texts, slots = self.columns[TEXT], self.columns[CAPACITY]
        for found in self.objects:
            if found.type.layout in TEXT_LAYOUTS:
                length, width, text = texts.number(), texts.byte(), texts.number()
                found.text = (
                    length,
                    width,
                    self.string(text),
                    int.from_bytes(texts.bytes(4), "little"),
                )
            if found.type.layout in CAPACITY_LAYOUTS:
                found.slots = slots.number(), slots.number()

    def _sparse(self) -> None:
        number = 0
        for step, size in self._pairs(BUFFERS):
            number += step
            self.objects[number].buffer = size
        number = 0
        labels = self.columns[LABELS]
        while labels:
            number += labels.number()
            name, qualified, place = (self.string(labels.number()) for _ in range(3))
            self.objects[number].label = name, qualified, place, labels.number(), labels.number()
