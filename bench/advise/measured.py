# SPDX-License-Identifier: Apache-2.0
"""Imported by the programs: says what is in use, and takes the snapshot for advice."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import sys

import hoopsnake

SCALE = float(os.environ.get("HOOP_ADVISE_SCALE", "1"))


_FIELDS = (
    "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks",
    "keepcost",
)  # fmt: skip


class _Malloc(ctypes.Structure):
    """struct mallinfo2."""

    _fields_ = [(name, ctypes.c_size_t) for name in _FIELDS]


def _malloc_in_use() -> int:
    """What C libraries have, numpy's data for one."""
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = _Malloc
    found = mallinfo2()
    return int(found.uordblks + found.hblkhd)


def scaled(number: int) -> int:
    return max(int(number * SCALE), 10)


def end() -> None:
    """At the program's peak. Ends the program."""
    gc.collect()
    in_use = hoopsnake.stats().in_use + _malloc_in_use()
    path = os.environ.get("HOOP_ADVISE_SNAPSHOT")
    if path:
        hoopsnake.snapshot(path)
    print(json.dumps({"in_use": in_use}))
    sys.stdout.flush()
    os._exit(0)
