# SPDX-License-Identifier: Apache-2.0
"""Makes snapshot files from what docs/format/snapshot.md says, and from nothing else of ours."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

STRINGS, TYPES, ADDRESS, TYPE, SIZE, COUNT, FLAGS, EDGES = range(1, 9)
KIND, NAME, TARGET, TEXT, CAPACITY, BUFFERS, LABELS, ROOTS, MEMORY, META = range(9, 19)

FIELD, OF_TYPE, ITEM, KEY, VALUE, MEMBER, ATTRIBUTE, DICT, CELL, LOCAL, STACK, WEAK, FRAME = range(
    13
)

_INDEXED, _NAMED = (ITEM, CELL), (VALUE, ATTRIBUTE, LOCAL)
_WITH_TEXT, _WITH_CAPACITY = (1, 2), (6, 7, 8, 19, 20)


def varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def zigzag(number: int) -> bytes:
    return varint(number * 2 if number >= 0 else -number * 2 - 1)


@dataclass
class Edge:
    target: int | None  # the number of an object; None: something that is not in the file
    kind: int = FIELD
    name: str | int = ""
    counted: bool = True


@dataclass
class Object:
    type: int
    size: int = 64
    edges: list[Edge] = field(default_factory=list)
    text: str | None = None
    held_by_c: int = 0
    immortal: bool = False
    flags: int = 1
    buffer: int = 0
    label: tuple[str, str, str, int, int] | None = None
    address: int = 0


class SnapshotFile:
    """A heap that is built object by object, then written."""

    def __init__(self) -> None:
        self.types: list[tuple[str, str, int, int]] = []  # name, module, layout, address
        self.objects: list[Object] = []
        self.roots: list[int] = []
        self.memory: dict[str, int] = {}
        self.meta = {"python": "3.12.1", "program": "app.py"}
        self.pid = 4711
        self.taken_ns = 1_700_000_000 * 10**9
        self.flags = 0
        self.first_address = 0x7F00_0000_0000
        self.block_bytes = 1 << 18
        self._strings: dict[str, int] = {}
        self._sections: dict[int, bytearray] = {}

    def type(self, name: str, layout: int = 0, module: str = "builtins", address: int = 0) -> int:
        self.types.append((name, module, layout, address))
        return len(self.types) - 1

    def add(self, type: int, size: int = 64, **more: object) -> int:  # noqa: A002
        made = Object(type, size, **more)  # type: ignore[arg-type]
        made.address = made.address or self.first_address + 0x40 * len(self.objects)
        self.objects.append(made)
        return len(self.objects) - 1

    def link(
        self,
        source: int,
        target: int | None,
        kind: int,
        name: str | int = "",
        *,
        counted: bool = True,
    ) -> None:
        self.objects[source].edges.append(Edge(target, kind, name, counted))

    def write(self, path: Path) -> Path:
        path.write_bytes(self.build())
        return path

    def build(self) -> bytes:
        self._strings, self._sections = {}, {number: bytearray() for number in range(1, 19)}
        self._build_types()
        self._build_objects()
        self._build_edges()
        self._build_the_rest()
        return self._frame()

    def _string(self, text: str) -> bytes:
        if not text:
            return varint(0)
        if text not in self._strings:
            self._strings[text] = len(self._strings) + 1
            coded = text.encode()
            self._sections[STRINGS] += varint(len(coded)) + coded
        return varint(self._strings[text])

    def _build_types(self) -> None:
        before = 0
        for name, module, layout, address in self.types:
            self._sections[TYPES] += (
                zigzag((address >> 3) - before)
                + self._string(name)
                + self._string(module)
                + varint(1 if module != "builtins" else 0)
                + varint(16)
                + varint(0)
                + bytes([layout])
                + zigzag(0)
            )
            before = address >> 3

    def _build_objects(self) -> None:
        counts = [0] * len(self.objects)
        for one in self.objects:
            for edge in one.edges:
                if edge.target is not None and edge.counted and edge.kind != WEAK:
                    counts[edge.target] += 1
        before = 0
        for one, count in zip(self.objects, counts, strict=True):
            shifted = one.address >> 3
            self._sections[ADDRESS] += zigzag(shifted - before)
            before = shifted
            self._sections[TYPE] += varint(one.type)
            self._sections[SIZE] += varint(one.size)
            coded = 0 if one.immortal else count + one.held_by_c + 1
            self._sections[COUNT] += varint(coded)
            self._sections[FLAGS].append(one.flags)
            self._sections[EDGES] += varint(len(one.edges))
            layout = self.types[one.type][2]
            if layout in _WITH_TEXT:
                text = one.text or ""
                self._sections[TEXT] += varint(len(text) or 40) + b"\x01"
                self._sections[TEXT] += self._string(text) + b"\x01\x02\x03\x04"
            if layout in _WITH_CAPACITY:
                used = len(one.edges) // 2 if layout == 7 else len(one.edges)
                self._sections[CAPACITY] += varint(used) + varint(used + 3)

    def _build_edges(self) -> None:
        recent = [0] * 256
        for one in self.objects:
            source = one.address >> 3
            index = {ITEM: -1, CELL: -1}
            for edge in one.edges:
                self._sections[KIND].append(edge.kind | (0 if edge.counted else 64))
                if edge.kind in _INDEXED:
                    assert isinstance(edge.name, int)
                    self._sections[NAME] += zigzag(edge.name - (index[edge.kind] + 1))
                    index[edge.kind] = edge.name
                elif edge.kind in _NAMED:
                    self._sections[NAME] += self._string(str(edge.name))
                elif edge.kind == FRAME:
                    self._sections[NAME] += varint(int(edge.name or 0))
                address = 0x1000 if edge.target is None else self.objects[edge.target].address
                target = address >> 3
                slot = (target * 0x9E3779B97F4A7C15 % 2**64) >> 56
                if recent[slot] == target:
                    self._sections[TARGET] += varint(slot << 1 | 1)
                else:
                    recent[slot] = target
                    difference = target - source
                    coded = difference * 2 if difference >= 0 else -difference * 2 - 1
                    self._sections[TARGET] += varint(coded << 1)

    def _build_the_rest(self) -> None:
        labelled = buffered = 0
        for number, one in enumerate(self.objects):
            if one.label:
                name, qualified, file, line, value = one.label
                self._sections[LABELS] += (
                    varint(number - labelled)
                    + self._string(name)
                    + self._string(qualified)
                    + self._string(file)
                    + varint(line)
                    + varint(value)
                )
                labelled = number
            if one.buffer:
                self._sections[BUFFERS] += varint(number - buffered) + varint(one.buffer)
                buffered = number
        for root in self.roots:
            self._sections[ROOTS] += varint(root)
        for name, amount in self.memory.items():
            self._sections[MEMORY] += self._string(name) + varint(amount)
        for key, text in self.meta.items():
            self._sections[META] += self._string(key) + self._string(text)

    def _frame(self) -> bytes:
        header = struct.pack(
            "<8sIIIIQI28x",
            b"HOOPSNAP",
            1,
            64,
            self.pid,
            0x030C01F0,
            self.taken_ns,
            self.flags,
        )
        out, directory = bytearray(header), bytearray()
        for number, payload in self._sections.items():
            for begin in range(0, len(payload), self.block_bytes):
                block = payload[begin : begin + self.block_bytes]
                directory += struct.pack("<IIQQQ", number, 0, len(out), len(block), len(block))
                out += struct.pack("<IIQQ", number, 0, len(block), len(block)) + block
        end = len(out)
        out += struct.pack("<IIQQ", 0, 0, len(directory), len(directory)) + directory
        return bytes(out + struct.pack("<Q8s", end, b"HOOPEND1"))


class App:
    """The heap of a small service.

    app.py has a class Session, a dict CACHE of three sessions by text keys, a list QUEUE, a
    function collect(acc=[]), a closure over `data`, a thread in serve() with a local `request`,
    a weak reference, garbage (two nodes that refer to each other), and what only C holds.
    """

    def __init__(self) -> None:
        self.file = file = SnapshotFile()
        self.type_of_types = file.type("type", 9, address=0x7000_0000)
        self.str = file.type("str", 1)
        self.dict = file.type("dict", 7)
        self.list = file.type("list", 6)
        self.tuple = file.type("tuple", 5)
        self.module = file.type("module", 16)
        self.function = file.type("function", 10)
        self.code = file.type("code", 13)
        self.cell = file.type("cell", 15)
        self.weakref = file.type("ReferenceType", 17, "weakref")
        self.session = file.type("Session", 28, "app", address=0x7100_0000)
        self.node = file.type("Node", 28, "app")
        self.int = file.type("int", 3)
        interpreter = file.type("<interpreter>", 40, "")
        thread = file.type("<thread>", 41, "")
        frame = file.type("<frame>", 42, "")
        self.interpreter = file.add(interpreter, 0, flags=32)
        self.thread = file.add(thread, 0, flags=32, label=("", "", "", 0, 123))
        self.frame = file.add(frame, 0, flags=32, label=("serve", "serve", "/srv/app.py", 12, 0))
        file.roots = [self.interpreter, self.thread]
        file.link(self.thread, self.frame, FRAME, 0, counted=False)
        self._modules()
        self._functions()
        self._thread_and_others()
        file.memory = {"Objects and buffers in use": 1 << 20, "Code and files": 1 << 19}

    def text(self, text: str, size: int = 56) -> int:
        return self.file.add(self.str, size, text=text, flags=16)

    def put(self, mapping: int, key: str, value: int) -> None:
        """mapping[key] = value."""
        self.file.link(mapping, self.text(key), KEY)
        self.file.link(mapping, value, VALUE, key)

    def _modules(self) -> None:
        file = self.file
        modules = file.add(self.dict, 300)
        file.link(self.interpreter, modules, ATTRIBUTE, "modules")
        app = file.add(self.module, 72, label=("app", "", "/srv/app.py", 0, 0))
        self.put(modules, "app", app)
        self.globals = file.add(self.dict, 400)
        file.link(app, self.globals, DICT)
        self.session_class = file.add(self.type_of_types, 1000, address=0x7100_0000)
        self.put(self.globals, "Session", self.session_class)
        self.cache = file.add(self.dict, 500)
        self.put(self.globals, "CACHE", self.cache)
        self.sessions = []
        for number in range(3):
            session = file.add(self.session, 48)
            rows = file.add(self.list, 1000)
            file.link(session, self.session_class, OF_TYPE)
            file.link(session, rows, ATTRIBUTE, "rows")
            for index in range(4):
                file.link(rows, file.add(self.int, 28), ITEM, index)
            self.put(self.cache, f"u{number}", session)
            self.sessions.append(session)
        self.queue = file.add(self.list, 120, buffer=5000)
        self.put(self.globals, "QUEUE", self.queue)

    def _functions(self) -> None:
        file = self.file
        collect = file.add(self.function, 150, label=("collect", "collect", "app", 0, 0))
        code = file.add(self.code, 300, label=("collect", "collect", "/srv/app.py", 14, 2))
        names = file.add(self.tuple, 60)
        for index, name in enumerate(("item", "acc")):
            file.link(names, self.text(name), ITEM, index)
        file.link(code, names, ATTRIBUTE, "co_localsplusnames")
        file.link(collect, code, ATTRIBUTE, "__code__")
        defaults = file.add(self.tuple, 48)
        self.acc = file.add(self.list, 2000)
        file.link(defaults, self.acc, ITEM, 0)
        file.link(collect, defaults, ATTRIBUTE, "__defaults__")
        file.link(collect, self.globals, ATTRIBUTE, "__globals__")
        self.put(self.globals, "collect", collect)
        handler = file.add(
            self.function,
            150,
            label=("handler", "make_handler.<locals>.handler", "app", 0, 0),
        )
        code = file.add(self.code, 300, label=("handler", "", "/srv/app.py", 20, 0))
        names = file.add(self.tuple, 60)
        file.link(names, self.text("self"), ITEM, 0)
        file.link(names, self.text("data"), ITEM, 1)
        file.link(code, names, ATTRIBUTE, "co_localsplusnames")
        file.link(handler, code, ATTRIBUTE, "__code__")
        cell = file.add(self.cell, 40)
        self.data = file.add(self.list, 3000)
        file.link(handler, cell, CELL, 0)
        file.link(cell, self.data, ATTRIBUTE, "cell_contents")
        file.link(self.queue, handler, ITEM, 0)

    def _thread_and_others(self) -> None:
        file = self.file
        self.request = file.add(self.dict, 700)
        file.link(self.frame, self.request, LOCAL, "request")
        self.weak = file.add(self.weakref, 72)
        file.link(self.weak, self.sessions[0], WEAK, counted=False)
        self.put(self.globals, "weak", self.weak)
        self.held = file.add(self.list, 4000, held_by_c=2)
        self.garbage = [file.add(self.node, 48), file.add(self.node, 48)]
        file.link(self.garbage[0], self.garbage[1], ATTRIBUTE, "other")
        file.link(self.garbage[1], self.garbage[0], ATTRIBUTE, "other")
        self.none = file.add(file.type("NoneType", 33), 16, immortal=True)
        file.link(self.queue, None, ITEM, 1)
        file.link(self.queue, self.none, ITEM, 2)


def service(sessions: int = 0, seconds: int = 0) -> App:
    """App with so many sessions more in its cache, so long after the first snapshot."""
    app = App()
    app.file.taken_ns += seconds * 10**9
    for number in range(sessions):
        session = app.file.add(app.session, 48)
        rows = app.file.add(app.list, 1000)
        app.file.link(session, app.session_class, OF_TYPE)
        app.file.link(session, rows, ATTRIBUTE, "rows")
        app.put(app.cache, f"n{number}", session)
    return app
