# SPDX-License-Identifier: Apache-2.0
"""A snapshot as Arrow tables, whose columns are in docs/sql.md."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from hoopsnake._errors import HoopError
from hoopsnake.heap.model import KINDS, ROOTS
from hoopsnake.heap.snapshot import Snapshot

NAMES = ("objects", "refs", "types", "roots", "memory")
_NONE = 0xFFFFFFFF
_KIND_MASK, _NOT_COUNTED = 63, 64
_STRING_KINDS, _INDEX_KINDS = (4, 6, 9), (2, 8, 12)


def needed(name: str) -> ModuleType:
    """An optional library."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise HoopError(f"this needs {name}: pip install 'hoopsnake[sql]'") from None


def arrow_tables(snapshot: Snapshot) -> dict[str, Any]:
    """All of them, by name."""
    return {name: arrow_table(snapshot, name) for name in NAMES}


def arrow_table(snapshot: Snapshot, name: str) -> Any:
    needed("pyarrow")
    return {
        "objects": _objects,
        "refs": _refs,
        "types": _types,
        "roots": _roots,
        "memory": _memory,
    }[name](snapshot)


class _Columns:
    """Columns of the C++ side as Arrow arrays."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.arrow: Any = needed("pyarrow")
        self.compute: Any = needed("pyarrow.compute")
        self.core = snapshot.core

    def get(self, name: str, alias: str) -> Any:
        buffer = self.arrow.py_buffer(self.core.column(name))
        kind = self.arrow.type_for_alias(alias)
        return self.arrow.Array.from_buffers(
            kind, buffer.size * 8 // kind.bit_width, [None, buffer]
        )

    def null_where(self, mask: Any, column: Any) -> Any:
        return self.compute.if_else(mask, self.arrow.scalar(None, column.type), column)

    def named(self, numbers: Any, names: list[str]) -> Any:
        return self.arrow.DictionaryArray.from_arrays(
            self.compute.cast(numbers, "int32"), self.arrow.array(names, "string")
        )

    def bits(self, column: Any, shift: int, mask: int) -> Any:
        moved = self.compute.shift_right(column, self.arrow.scalar(shift, column.type))
        return self.compute.bit_wise_and(moved, self.arrow.scalar(mask, column.type))


def _objects(snapshot: Snapshot) -> Any:
    columns = _Columns(snapshot)
    compute = columns.compute
    count, flags = columns.get("count", "uint32"), columns.get("flags", "uint8")
    dominator, root = columns.get("dominator", "uint32"), columns.get("root", "uint8")
    length, text = columns.get("length", "uint32"), columns.get("text", "uint32")
    types = columns.get("type", "uint32")
    known = compute.equal(columns.bits(flags, 6, 1), 1)
    strings = snapshot.core.strings()
    immortal = compute.equal(count, 0)
    counts = compute.subtract(compute.cast(count, "int64"), 1)
    return columns.arrow.table(
        {
            "id": columns.arrow.array(range(len(snapshot)), "uint32"),
            "address": columns.get("address", "uint64"),
            "type": columns.named(types, [one.name for one in snapshot.types]),
            "size": columns.get("size", "uint64"),
            "retained": columns.get("retained", "uint64"),
            "refcount": columns.null_where(immortal, counts),
            "dominator": columns.null_where(compute.equal(dominator, _NONE), dominator),
            "root": columns.named(columns.null_where(compute.equal(root, 0), root), list(ROOTS)),
            "generation": columns.null_where(compute.invert(known), columns.bits(flags, 1, 3)),
            "length": columns.null_where(compute.equal(length, _NONE), length),
            "text": columns.named(columns.null_where(compute.equal(text, 0), text), strings),
        }
    )


def _refs(snapshot: Snapshot) -> Any:
    columns = _Columns(snapshot)
    compute, arrow = columns.compute, columns.arrow
    coded, name = columns.get("edge_kind", "uint8"), columns.get("edge_name", "uint32")
    kind = columns.bits(coded, 0, _KIND_MASK)
    kinds = [*KINDS, *(f"kind {number}" for number in range(len(KINDS), _KIND_MASK + 1))]
    is_string = compute.is_in(kind, arrow.array(_STRING_KINDS, "uint8"))
    is_index = compute.is_in(kind, arrow.array(_INDEX_KINDS, "uint8"))
    known = compute.and_(compute.not_equal(name, 0), compute.not_equal(name, _NONE))
    text = columns.null_where(compute.invert(compute.and_(is_string, known)), name)
    return arrow.table(
        {
            "source": columns.get("edge_source", "uint32"),
            "target": columns.get("edge_target", "uint32"),
            "kind": columns.named(kind, kinds),
            "name": columns.named(text, snapshot.core.strings()),
            "index": columns.null_where(compute.invert(is_index), name),
            "counted": compute.equal(columns.bits(coded, 0, _NOT_COUNTED), 0),
        }
    )


def _types(snapshot: Snapshot) -> Any:
    arrow: Any = needed("pyarrow")
    totals = {row: rest for row, *rest in snapshot.core.by_type()}
    rows = [
        {
            "id": one.row,
            "name": one.name,
            "module": one.module,
            "basic_size": one.basic_size,
            "item_size": one.item_size,
            "made_at_run_time": one.made_at_run_time,
            "address": one.address,
            "base": one.base,
            "objects": totals[one.row][0],
            "size": totals[one.row][1],
            "retained": totals[one.row][2],
        }
        for one in snapshot.types
    ]
    fields = {"name": "string", "module": "string", "made_at_run_time": "bool", "base": "uint32"}
    names = (
        "id name module basic_size item_size made_at_run_time address base objects size retained"
    )
    schema = arrow.schema(
        [(name, arrow.type_for_alias(fields.get(name, "uint64"))) for name in names.split()]
    )
    return arrow.Table.from_pylist(rows, schema)


def _roots(snapshot: Snapshot) -> Any:
    columns = _Columns(snapshot)
    arrow, compute = columns.arrow, columns.compute
    root = columns.get("root", "uint8")
    ids = compute.indices_nonzero(root)
    kinds = columns.named(compute.take(root, ids), list(ROOTS))
    paths = arrow.array([snapshot.core.path(number) for number in ids.to_pylist()], "string")
    return arrow.table({"object": compute.cast(ids, "uint32"), "kind": kinds, "name": paths})


def _memory(snapshot: Snapshot) -> Any:
    arrow: Any = needed("pyarrow")
    rows = list(snapshot.memory.items())
    return arrow.table(
        {
            "name": arrow.array([name for name, _ in rows], "string"),
            "bytes": arrow.array([amount for _, amount in rows], "uint64"),
        }
    )
