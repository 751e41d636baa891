# SPDX-License-Identifier: Apache-2.0
"""A snapshot file, opened."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Literal

from hoopsnake._errors import HoopError
from hoopsnake.heap.lookup import find_by_path, parse_address
from hoopsnake.heap.model import (
    Change,
    CycleGroup,
    HeapObject,
    HeapType,
    Holder,
    Total,
    Totals,
    Why,
    html_table,
)
from hoopsnake.report import units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hoopsnake import _core

_MADE_AT_RUN_TIME = 1

Progress = Callable[[str, float], object]
Index = Literal["auto", "never", "always"]
By = Literal["type", "module", "root"]


def _native() -> type[_core.Snapshot]:
    try:
        from hoopsnake._core import Snapshot as Native
    except ImportError as error:
        raise HoopError(f"hoopsnake._core is missing ({error}); install Hoopsnake again") from None
    return Native


def open(  # noqa: A001
    path: str | os.PathLike[str], *, index: Index = "auto", progress: Progress | None = None
) -> Snapshot:
    """Open a snapshot file and analyse it.

    `index`: "auto" reads `PATH.index`, or writes it where analysing took long; "always" writes it
    in any case, "never" does neither. `progress` is called with a few words and a share of 1.
    Raises HoopError with what is wrong with the file.
    """
    return Snapshot(os.fspath(path), index, progress)


def compress(path: str | os.PathLike[str]) -> int:
    """Rewrite a snapshot file packed with zstd; return the bytes that this saves."""
    _native()
    from hoopsnake import _core

    return _core.compress(os.fspath(path))


class Snapshot:
    """A heap at one instant. Iterating over it gives its objects."""

    def __init__(self, path: str, index: Index = "auto", progress: Progress | None = None) -> None:
        self.path = path
        self.core = _native()(path, index, progress)
        self.pid, self._version, self.taken_ns, self._flags, self.file_bytes = self.core.header()

    def __len__(self) -> int:
        return self.core.object_count

    def __iter__(self) -> Iterator[HeapObject]:
        return (HeapObject(self, number) for number in range(len(self)))

    @cached_property
    def meta(self) -> dict[str, str]:
        """`python`, `program`, `trigger` and so on."""
        return dict(self.core.meta())

    @cached_property
    def memory(self) -> dict[str, int]:
        """The account of resident memory, in bytes."""
        return dict(self.core.memory())

    @property
    def python(self) -> str:
        """The version of Python, "3.12.1"."""
        version = self._version
        return self.meta.get("python", f"{version >> 24}.{version >> 16 & 255}")

    @property
    def any_instant(self) -> bool:
        """It was taken while a thread may have been changing objects."""
        return bool(self._flags & 2)

    @property
    def references(self) -> int:
        return self.core.edge_count

    @property
    def dropped_references(self) -> int:
        """References to addresses at which the file has no object."""
        return self.core.dropped_edges

    @cached_property
    def size(self) -> int:
        """Bytes of all objects."""
        return sum(total.size for total in self.top("type"))

    @cached_property
    def types(self) -> list[HeapType]:
        return [
            HeapType(
                row,
                qualname if module in ("", "builtins") else f"{module}.{qualname}",
                module,
                qualname,
                layout,
                basic,
                item,
                bool(flags & _MADE_AT_RUN_TIME),
                address,
                base,
            )
            for row, (qualname, module, flags, layout, basic, item, base, address) in enumerate(
                self.core.types()
            )
        ]

    def type_of(self, number: int) -> HeapType:
        """Of the object with this number, as the methods of `core` take it."""
        return self.types[self.core.object(number)[1]]

    def layout_of(self, number: int) -> int:
        """One of `layouts.Layout`."""
        return self.type_of(number).layout

    def retained_by(self, number: int) -> int:
        """Bytes that would be freed if this object went."""
        return self.core.object(number)[6]

    def object_at(self, address: int) -> HeapObject:
        """The object that begins at an address."""
        number = self.core.find(address)
        if number is None:
            raise HoopError(f"no object begins at {address:#x} in {self.path}")
        return HeapObject(self, number)

    def objects_by_id(self, numbers: Iterable[int]) -> list[HeapObject]:
        """Objects by `HeapObject.id`, which is their place in the file."""
        return [HeapObject(self, number) for number in numbers]

    def find(self, path: str) -> HeapObject:
        """The object that an expression names: `app.cache.RESULTS['u42'].rows[3]`."""
        return find_by_path(self, path)

    @cached_property
    def modules(self) -> dict[str, HeapObject]:
        """By name; of several of one name, the one that retains most."""
        found: dict[str, HeapObject] = {}
        for one in self._of_rows(row.row for row in self.types if row.layout == _MODULE_LAYOUT):
            if one.name and (one.name not in found or found[one.name].retained < one.retained):
                found[one.name] = one
        return found

    def type_rows(self, name: str) -> list[int]:
        """Types of this name, with the module or without; types of one name are one to us."""
        rows = [one.row for one in self.types if one.name == name]
        return rows or [
            one.row
            for one in self.types
            if one.qualname == name or one.qualname.endswith(f".{name}")
        ]

    def objects(self, type: str | None = None) -> Iterator[HeapObject]:  # noqa: A002
        """All objects, or those of a type, one by one. Subclasses are types of their own."""
        if type is None:
            return iter(self)
        rows = self.type_rows(type)
        if not rows:
            raise HoopError(f"no object of a type {type!r} is in {self.path}")
        return self._of_rows(rows)

    def _of_rows(self, rows: Iterable[int]) -> Iterator[HeapObject]:
        for row in rows:
            for number in memoryview(self.core.objects_of_type(row)).cast("I"):
                yield HeapObject(self, number)

    def top(self, by: By = "type", most: int | None = None) -> Totals:
        """What there is by type, by the module that holds it, or by root; most retained first."""
        if by == "type":
            merged: dict[str, Total] = {}
            for row, count, size, retained in self.core.by_type():
                name = self.types[row].name
                old = merged.get(name, Total(name, 0, 0, 0))
                merged[name] = Total(
                    name, old.count + count, old.size + size, old.retained + retained
                )
            rows = [total for total in merged.values() if total.count]
        elif by in ("module", "root"):
            found = self.core.by_module() if by == "module" else self.core.by_root()
            rows = [Total(*row) for row in found]
        else:
            raise HoopError(f"there is no top by {by!r}; it is 'type', 'module' or 'root'")
        rows.sort(key=lambda total: (-total.retained, -total.size, total.name))
        return Totals(rows[:most])

    def tree(self, most: int = 1_000_000) -> list[HeapObject]:
        """The dominator tree from above: what nothing else dominates, largest first.

        `HeapObject.dominated()` leads down.
        """
        return [HeapObject(self, number) for number in self.core.children(None, most)]

    def why(self, what: str | int | HeapObject | Iterable[HeapObject], most: int = 10) -> Why:
        """Who holds an object (itself, its address, or its path) or all objects of a type."""
        if isinstance(what, HeapObject):
            return self._why_one(what, most)
        if not isinstance(what, (str, int)):
            return self._why_all("these objects", self._packed(what))
        address = what if isinstance(what, int) else parse_address(what)
        if address is not None:
            return self._why_one(self.object_at(address), most)
        assert isinstance(what, str)
        rows = self.type_rows(what)
        ids = b"".join(self.core.objects_of_type(row) for row in rows)
        if ids:
            return self._why_all(self.types[rows[0]].name, ids)
        return self._why_one(self.find(what), most)

    def _why_one(self, one: HeapObject, most: int) -> Why:
        paths = [(path, HeapObject(self, number)) for path, number in self.core.paths(one.id, most)]
        holders, _ = self._holders(array("I", [one.id]).tobytes())
        return Why(one.describe(), 1, one.size, one.retained, holders, one, paths)

    def _why_all(self, what: str, ids: bytes) -> Why:
        holders, retained = self._holders(ids)
        return Why(
            what,
            sum(holder.count for holder in holders),
            sum(holder.size for holder in holders),
            retained,
            holders,
            None,
            [],
        )

    def _holders(self, ids: bytes) -> tuple[list[Holder], int]:
        rows, all_retained = self.core.holders(ids)
        holders = [
            Holder(path, count, size, retained, HeapObject(self, example))
            for path, count, size, retained, example in rows
        ]
        return holders, all_retained

    @staticmethod
    def _packed(objects: Iterable[HeapObject]) -> bytes:
        return array("I", (one.id for one in objects)).tobytes()

    def cycles(self, *, all: bool = False) -> list[CycleGroup]:  # noqa: A002
        """Objects that refer to each other, by kind of cycle, largest first.

        Without modules, classes and their dicts, which hold each other in any program, unless
        `all` asks for them.
        """
        return [
            CycleGroup(
                cycle,
                closing,
                [(self.types[row].name, count) for row, count in types],
                components,
                objects,
                size,
                retained,
                largest,
                held,
                [HeapObject(self, number) for number in example],
            )
            for (
                cycle,
                closing,
                types,
                components,
                largest,
                objects,
                size,
                retained,
                held,
                example,
            ) in self.core.cycles(all)
        ]

    def diff(self, later: Snapshot, last: Snapshot | None = None) -> Change:
        """What is in `later` and not in this one; with three, what of that is in `last` still.

        An object is the same if its address and its type are.
        """
        end = last or later
        ids = end.core.appeared_since(self.core, later.core)
        totals: dict[str, Total] = {}
        numbers = memoryview(ids).cast("I")
        for number in numbers:
            facts = end.core.object(number)
            name = end.types[facts[1]].name
            old = totals.get(name, Total(name, 0, 0, 0))
            totals[name] = Total(name, old.count + 1, old.size + facts[2], 0)
        types = sorted(totals.values(), key=lambda total: (-total.size, total.name))
        holders, _ = end._holders(ids)
        return Change(len(numbers), sum(total.size for total in types), Totals(types), holders)

    def to_devtools(self, path: str | os.PathLike[str]) -> int:
        """Write a `.heapsnapshot` for Chrome DevTools; return its bytes."""
        return self.core.write_devtools(os.fspath(path))

    def __repr__(self) -> str:
        return f"<heap of process {self.pid}: {units.plural(len(self), 'object')} in {self.path}>"

    def _repr_html_(self) -> str:
        rows = [
            (total.name, f"{total.count:,}", units.size(total.size), units.size(total.retained))
            for total in self.top("type", 10)
        ]
        return html_table(repr(self), ("type", "objects", "size", "retained"), rows)


_MODULE_LAYOUT = 16
