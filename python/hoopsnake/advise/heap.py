# SPDX-License-Identifier: Apache-2.0
"""A snapshot with what rules ask of it: sizes, holders, classes, whose code it is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from hoopsnake.advise.model import Held
from hoopsnake.advise.scopes import class_line
from hoopsnake.advise.sizes import Allocator, Sizes
from hoopsnake.explain.describe import holder_of
from hoopsnake.explain.model import Holder
from hoopsnake.explain.places import class_place, function_place, place_of
from hoopsnake.explain.standard import is_standard_module
from hoopsnake.heap.layouts import Layout
from hoopsnake.heap.snapshot import Snapshot

_LIBRARY = re.compile(r"/(site|dist)-packages/|/lib(64)?/python3\.\d+t?/|^<frozen |^<string>$")
_MOST_HOLDERS = 3
# A name that leads here is worth showing.
_HOLDERS = {
    Layout.LIST,
    Layout.DICT,
    Layout.SET,
    Layout.TUPLE,
    Layout.DEQUE,
    Layout.INSTANCE,
    Layout.OTHER,
    Layout.STR,
    Layout.BYTES,
    Layout.BYTEARRAY,
    Layout.LRU_CACHE,
    30,  # a memoryview
}
MIB = 1 << 20


@dataclass(slots=True)
class ClassFacts:
    """What is known of a class."""

    row: int
    name: str
    number: int  # the class object; -1: it is not in the file
    file: str = ""
    line: int = 0
    keys: dict[str, int] = field(default_factory=dict)  # of its namespace
    bases: list[ClassFacts] = field(default_factory=list)  # the MRO, without itself and object
    metaclass: str = "type"
    words: set[str] = field(default_factory=set)  # that code of its methods uses
    is_library: bool = False
    is_built_in: bool = False  # made in C

    @property
    def is_dataclass(self) -> bool:
        return "__dataclass_fields__" in self.keys

    @property
    def has_dict(self) -> bool:
        """Its instances have a `__dict__`."""
        return any("__dict__" in one.keys for one in (self, *self.bases))


class Heap:
    """What rules look at. `least`: savings below that are of no interest."""

    def __init__(self, snapshot: Snapshot, least: int) -> None:
        self.snapshot = snapshot
        self.core = snapshot.core
        self.least = least
        minor = int(snapshot.python.split(".")[1])
        allocator: Allocator = "hoop" if "heap: live blocks" in snapshot.memory else "pymalloc"
        self.sizes = Sizes(minor, allocator)
        self._classes: dict[int, ClassFacts] = {}

    @property
    def minor(self) -> int:
        return self.sizes.minor

    # --- who holds it -----------------------------------------------------------------------------

    def held(self, ids: bytes) -> list[Held]:
        """The ways in which most of these objects are held."""
        groups, _ = self.core.holders(ids)
        # The dict of an instance is held where the instance is.
        groups = [one for one in groups if not one[0].endswith(".__dict__")] or groups
        groups.sort(key=lambda group: -group[1])
        found = []
        for path, count, _, _, example in groups[:_MOST_HOLDERS]:
            found.append(Held(count, path, self._holder(example)))
        return found

    def _holder(self, example: int) -> Holder:
        """What is held by a name of its own on the way: a variable, not an entry of it."""
        for number in reversed(self.core.path_objects(example)):
            path = self.core.path(number)
            if "[" in path or "{" in path or "._mgr" in path:  # inside of pandas
                continue
            if self.snapshot.layout_of(number) in _HOLDERS:
                return place_of(self.snapshot, number).holder
        return holder_of(self.snapshot, example).holder

    def is_library_holder(self, held: list[Held]) -> bool:
        return bool(held) and all(self._is_of_library(one.holder) for one in held)

    def _is_of_library(self, holder: Holder) -> bool:
        module = self.module_of(holder.path)
        if module:
            return self.is_library_module(module)
        # What no variable holds, nobody can look for in the program.
        if holder.path.startswith(("<interpreter>", "held by C", "garbage")):
            return True
        return is_library_file(holder.file)

    def module_of(self, path: str) -> str:
        """The longest name of a module that the path begins with."""
        words = re.split(r"[.\[]", path)
        for length in range(len(words), 0, -1):
            name = ".".join(words[:length])
            if name in self._module_files:
                return name
        return ""

    def is_library_module(self, name: str) -> bool:
        if name == "__main__" or name == "__mp_main__":
            return is_library_file(self._module_files.get(name, ""))
        return is_standard_module(name) or is_library_file(self._module_files.get(name, ""))

    @cached_property
    def _module_files(self) -> dict[str, str]:
        files = {}
        for name, module in self.snapshot.modules.items():
            label = self.core.label(module.id)
            files[name] = label[2] if label else ""
        return files

    @property
    def has_pandas(self) -> bool:
        return "pandas" in self._module_files

    @property
    def has_numpy(self) -> bool:
        return "numpy" in self._module_files

    # --- classes ----------------------------------------------------------------------------------

    def class_of(self, row: int) -> ClassFacts:
        if row not in self._classes:
            self._classes[row] = self._read_class(row)
        return self._classes[row]

    def _read_class(self, row: int) -> ClassFacts:
        kind = self.snapshot.types[row]
        found = self.core.find(kind.address) if kind.address else None
        facts = ClassFacts(row, kind.name, -1 if found is None else found)
        facts.is_built_in = not kind.made_at_run_time
        if found is None:
            return facts
        facts.file, facts.line = class_place(self.snapshot, found)
        module = kind.module
        if facts.file.startswith("<"):  # methods that were made by `exec`, a dataclass's for one
            facts.file, facts.line = self._module_files.get(module, ""), 0
        facts.line = class_line(facts.file, kind.qualname) or facts.line
        facts.is_library = (
            is_library_file(facts.file) if facts.file else self.is_library_module(module)
        )
        facts.metaclass = self.snapshot.type_of(found).name
        for _, _, text, target in self.core.referents(found):
            if text == ".__dict__":
                self._read_namespace(facts, target)
            elif text == ".__mro__":
                facts.bases = [
                    self.class_of(base)
                    for base in map(self._row_of_class, self._items(target))
                    if base is not None and base != row and self.snapshot.types[base].name
                ]
        facts.bases = [base for base in facts.bases if base.name != "object"]
        return facts

    @cached_property
    def _rows_by_address(self) -> dict[int, int]:
        return {kind.address: kind.row for kind in self.snapshot.types if kind.address}

    def _row_of_class(self, number: int) -> int | None:
        return self._rows_by_address.get(self.core.object(number)[0])

    def _items(self, number: int) -> list[int]:
        return [target for _, _, text, target in self.core.referents(number) if text[:1] == "["]

    def _read_namespace(self, facts: ClassFacts, namespace: int) -> None:
        for _, _, text, value in self.core.referents(namespace):
            if text[:2] != "['":
                continue
            facts.keys[text[2:-2]] = value
            if self.snapshot.layout_of(value) == Layout.FUNCTION:
                facts.words |= self._words_of(value)

    def _words_of(self, function: int) -> set[str]:
        """Names that a function's code uses."""
        for _, _, text, code in self.core.referents(function):
            if text == ".__code__":
                for _, _, part, names in self.core.referents(code):
                    if part == ".co_names":
                        return {
                            row[2]
                            for row in map(self.core.text, self._items(names))
                            if row and row[2]
                        }
        return set()

    def type_of_value(self, number: int) -> str:
        return self.snapshot.type_of(number).name

    def function_place(self, number: int) -> tuple[str, int]:
        return function_place(self.snapshot, number)

    # --- amounts ----------------------------------------------------------------------------------

    def taken_all(self, ids: bytes) -> int:
        """By these objects together."""
        return self.core.taken(ids, self.sizes.allocator == "hoop")

    def taken(self, number: int) -> int:
        facts = self.core.object(number)
        return self.sizes.taken(self.snapshot.types[facts[1]].layout, facts[2])


def is_library_file(path: str) -> bool:
    """Of the standard library, or of an installed package."""
    return bool(_LIBRARY.search(path))


def numbers(ids: bytes) -> memoryview:
    """Packed numbers of objects."""
    return memoryview(ids).cast("I")
