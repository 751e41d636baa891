# SPDX-License-Identifier: Apache-2.0
"""Snapshots of heaps, to be questioned.

    import hoopsnake.heap as h

    snap = h.open("service.hoop")
    print(snap.top()[0])
    for one in snap.objects(type="app.Session"):
        print(one.path(), one.retained)

All sizes are bytes. *Size* is what an object takes itself, the buffers that it owns included;
*retained* is what would be freed if it went, with all that only it holds.
"""

from hoopsnake.heap.model import (
    Change,
    CycleGroup,
    HeapObject,
    HeapType,
    Holder,
    Reference,
    Total,
    Why,
)
from hoopsnake.heap.snapshot import Snapshot, compress, open  # noqa: A004

__all__ = [
    "Change",
    "CycleGroup",
    "HeapObject",
    "HeapType",
    "Holder",
    "Reference",
    "Snapshot",
    "Total",
    "Why",
    "compress",
    "open",
]
