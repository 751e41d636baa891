# SPDX-License-Identifier: Apache-2.0
"""A snapshot as Parquet, as a drawing for Graphviz, and as JSON."""

from __future__ import annotations

import json
import os
from typing import Any, TextIO

from hoopsnake.heap import tables
from hoopsnake.heap.model import HeapObject
from hoopsnake.heap.snapshot import Snapshot
from hoopsnake.report import units


def write_parquet(snapshot: Snapshot, folder: str) -> int:
    """One file for each table, in a folder."""
    parquet: Any = tables.needed("pyarrow.parquet")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    written = 0
    for name in tables.NAMES:
        path = os.path.join(folder, f"{name}.parquet")
        parquet.write_table(tables.arrow_table(snapshot, name), path, compression="zstd")
        written += os.path.getsize(path)
    return written


def write_dot(snapshot: Snapshot, path: str, most: int) -> int:
    """The objects that retain most, and the references between them."""
    chosen: dict[int, HeapObject] = {}
    waiting = snapshot.tree(most)
    while waiting and len(chosen) < most:
        waiting.sort(key=lambda one: one.retained)
        one = waiting.pop()
        chosen[one.id] = one
        waiting += one.dominated(most)
    lines = ["digraph heap {", "  node [shape=box];"]
    for one in chosen.values():
        text = f"{one.describe()}\n{units.size(one.retained)}"
        lines.append(f"  n{one.id} [label={_quoted(text)}];")
        lines += [
            f"  n{one.id} -> n{reference.object.id} [label={_quoted(reference.step)}"
            f"{', style=dashed' if reference.kind == 'weak' else ''}];"
            for reference in one.referents()
            if reference.object.id in chosen
        ]
    return _write(path, "\n".join([*lines, "}", ""]))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def write_json(snapshot: Snapshot, path: str) -> int:
    """All of it, an object a line: `references` are [kind, step, number of the target]."""
    about = {
        "pid": snapshot.pid,
        "python": snapshot.python,
        "taken_ns": snapshot.taken_ns,
        "meta": snapshot.meta,
        "memory": snapshot.memory,
    }
    with _private(path) as file:
        file.write(f'{{"about": {json.dumps(about)},\n"objects": [\n')
        for one in snapshot:
            row = {
                "id": one.id,
                "address": one.address,
                "type": one.type,
                "size": one.size,
                "retained": one.retained,
                "root": one.root,
                "references": [
                    [reference.kind, reference.step, reference.object.id]
                    for reference in one.referents()
                ],
            }
            file.write((",\n" if one.id else "") + json.dumps(row))
        file.write("\n]}\n")
    return os.path.getsize(path)


def _write(path: str, text: str) -> int:
    with _private(path) as file:
        file.write(text)
    return os.path.getsize(path)


def _private(path: str) -> TextIO:
    """A file that only this user can read, like the snapshot itself."""
    return open(path, "w", encoding="utf-8", opener=lambda name, how: os.open(name, how, 0o600))
