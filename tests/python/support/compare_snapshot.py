# SPDX-License-Identifier: Apache-2.0
"""compare_snapshot.py FILE: runs in a process with an agent; takes a snapshot of itself, and prints
as JSON where the file and Python disagree: on sizes, types, references.
"""

from __future__ import annotations

import collections
import gc
import json
import sys
from pathlib import Path
from typing import Any

import menagerie
from snapshot_file import Object, SnapshotFile

import hoopsnake

Referents = dict[int, "collections.Counter[int]"]


def all_objects() -> dict[int, Any]:
    found = {id(one): one for one in gc.get_objects()}
    waiting = list(found.values())
    while waiting:
        for referent in gc.get_referents(waiting.pop()):
            if id(referent) not in found:
                found[id(referent)] = referent
                waiting.append(referent)
    return found


def size_of(one: object) -> int | None:
    try:
        return sys.getsizeof(one)
    except Exception:
        return None  # its class has a __sizeof__ of its own that fails


def known(found: Object) -> collections.Counter[int]:
    return collections.Counter(edge.target for edge in found.edges if edge.kind != "weak")


def main(path: str) -> None:
    kept = menagerie.everything()
    hoopsnake.snapshot(path)  # what the first one imports and looks up is there now
    gc.collect()
    gc.disable()
    objects = all_objects()
    sizes = {key: size_of(one) for key, one in objects.items()}
    referents: Referents = {
        key: collections.Counter(map(id, gc.get_referents(one))) for key, one in objects.items()
    }
    hoopsnake.snapshot(path)
    # Code that ran meanwhile may have grown: both will do.
    sizes_after = {key: size_of(one) for key, one in objects.items()}
    snapshot = SnapshotFile(Path(path))
    wrong: dict[str, list[Any]] = {"missing": [], "types": [], "sizes": [], "references": []}
    for key, one in objects.items():
        if one is objects or isinstance(one, type(sys._getframe())):
            continue
        found = snapshot.by_address.get(key)
        if found is None:
            wrong["missing"].append(type(one).__name__)
            continue
        if found.type.address != id(type(one)):
            wrong["types"].append(type(one).__name__)
        if sizes[key] is not None and found.size not in (sizes[key], sizes_after[key]):
            wrong["sizes"].append((type(one).__name__, sizes[key], found.size))
        lacking = referents[key] - known(found)
        if lacking:
            wrong["references"].append((type(one).__name__, sum(lacking.values())))
    print(json.dumps({"objects": len(objects), "kept": len(kept), **wrong}))


main(sys.argv[1])
