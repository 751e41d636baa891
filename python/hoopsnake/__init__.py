# SPDX-License-Identifier: Apache-2.0
"""Hoopsnake: a private heap for CPython that gives memory back and says where it went.

The usual way in is the command line, ``hoop run app.py``. This module is for programs that want to
ask or steer from inside; importing it changes nothing and costs next to nothing.
"""

from hoopsnake._errors import HoopError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from hoopsnake._api import Collection, PauseCount, SnapshotFile, Stats
    from hoopsnake._copies import CopyCost, Cost
    from hoopsnake._walk import Size

__all__ = [
    "Collection",
    "CopyCost",
    "Cost",
    "HoopError",
    "PauseCount",
    "Size",
    "SnapshotFile",
    "Stats",
    "__version__",
    "collect",
    "collections",
    "copy_cost",
    "epoch",
    "install",
    "size",
    "snapshot",
    "stats",
    "trim",
]

__version__ = "0.1.0"


def install(collector: str = "concurrent") -> bool:
    """Put Hoopsnake's heap under this interpreter, for what it allocates from now on.

    `collector` says who does full garbage collections: "concurrent" (Hoopsnake, in a copy of the
    process while the program runs on), "inplace" (Hoopsnake, while the program stands still) or
    "stock" (CPython).

    Not needed under ``hoop run``, which is in before the first object: a call is then a no-op.
    Returns True when the heap serves this process, False when ``HOOP_DISABLE`` switches it off.
    Raises HoopError, with the reason, where Hoopsnake must stay out (debug hooks, a free-threaded
    build, a tracer that was there first), and for a collector that there is not; the program then
    goes on as before.
    """
    from hoopsnake import _api

    return _api.install(collector)


def stats() -> "Stats":
    """Return the heap's figures at this moment; see `Stats` for fields and units."""
    from hoopsnake import _api

    return _api.stats()


def trim() -> int:
    """Give all free memory that can be given back to the system; return the bytes given back.

    Only pages without any live block can go. Call it after a peak, when the memory is wanted at
    once: Hoopsnake does the same by itself, in small steps, within about a second.
    """
    from hoopsnake import _api

    return _api.trim()


def epoch() -> None:
    """Start a new epoch: blocks allocated from now on share no page with older ones.

    Worth a call when start-up is over, before requests come in or workers are forked: what is
    allocated later can then be given back without being held by what stays for ever.
    """
    from hoopsnake import _api

    _api.epoch()


def collect() -> int:
    """Do a full garbage collection now, by Hoopsnake's search, while the program stands still.

    Returns what `gc.collect()` would: the number of unreachable objects found.
    """
    from hoopsnake import _api

    return _api.collect()


def collections() -> "list[Collection]":
    """Return the last 256 full garbage collections that Hoopsnake did, oldest first.

    See `Collection` for fields and units. One that is going on is among them.
    """
    from hoopsnake import _api

    return _api.collections()


def snapshot(path: "str | os.PathLike[str]", *, with_values: bool = False) -> "SnapshotFile":
    """Write all objects of this process, and who refers to whom, into the file `path`.

    The program stands still for some milliseconds while the system makes a copy of it; the copy
    writes, this call waits for it, and other threads go on. The file has names, sizes and types but
    no values: of text, only keys that look like identifiers and are at most 32 characters long.
    `with_values` lets all text of keys and interned strings in.

    Raises HoopError, with the reason, when there can be no copy or no file; nothing is left of it
    then.
    """
    from os import fspath

    from hoopsnake import _api

    return _api.snapshot(fspath(path), with_values)


def size(obj: object) -> "Size":
    """Return what `obj` takes alone, what it reaches, and what would be freed if it went.

    Bytes, as `sys.getsizeof` counts them. Classes, functions and modules belong to the program and
    are not counted. Retained is told by reference counts: an object that anything else refers to,
    a local variable of the caller's or C code too, is not. Goes through all that `obj` reaches:
    about a microsecond and 200 bytes for each object meanwhile. Works without Hoopsnake's heap.
    """
    from hoopsnake import _walk

    return _walk.size(obj)


def copy_cost(obj: object) -> "CopyCost":
    """Return what `copy.copy(obj)` would make and share, and what `copy.deepcopy(obj)` would.

    In objects and bytes, by type; nothing is copied, and no code of the user's is called: where a
    class says itself how it is copied, `unknown` names it. As copying does, it asks instances for
    their `__dict__`. Works without Hoopsnake's heap.
    """
    from hoopsnake import _copies

    return _copies.copy_cost(obj)


def __getattr__(name: str) -> object:
    if name in ("Collection", "PauseCount", "SnapshotFile", "Stats"):
        from hoopsnake import _api

        return getattr(_api, name)
    if name in ("CopyCost", "Cost"):
        from hoopsnake import _copies

        return getattr(_copies, name)
    if name == "Size":
        from hoopsnake import _walk

        return _walk.Size
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
