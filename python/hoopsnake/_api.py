# SPDX-License-Identifier: Apache-2.0
"""What `hoopsnake.install`, `stats` and the others do: finding the agent, typing its answers."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib import import_module
from math import inf

from hoopsnake import _collectors
from hoopsnake._errors import HoopError
from hoopsnake._switch import disabled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hoopsnake._agent import CollectionRecord

_NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class PauseCount:
    """How often the program stood still for a garbage collection, for times of similar length."""

    up_to_seconds: float
    """The longest time counted here; infinite for the last bucket. Buckets follow each other, each
    up to twice the time of the one before."""
    young: int
    """Stops by CPython's collections of young objects."""
    full: int
    """Stops by CPython's full collections."""
    hoop: int
    """Stops by Hoopsnake: to take a copy, to judge what was found in it, to search in place."""


@dataclass(frozen=True, slots=True)
class Stats:
    """The heap at one moment, and garbage collections so far. Sizes are bytes.

    Sizes are of Hoopsnake's heap alone: C libraries, thread stacks and code are not in it.
    """

    active: bool
    """True when Hoopsnake's heap serves this process; all its figures are 0 when it does not."""
    in_use: int
    """Bytes in live blocks, as the heap rounds their sizes."""
    live_blocks: int
    """Number of live blocks."""
    free_resident: int
    """Free bytes that still occupy memory, ready for reuse."""
    free_returned: int
    """Free bytes whose memory is given back to the system at this moment."""
    returned_total: int
    """Bytes given back since the start: of whole pages, those that were never written to as well;
    what was taken again and given again counts again."""
    fragmentation: float
    """Share, 0 to 1, of the heap's occupied memory in which no live block lies."""
    metadata: int
    """Bytes of the heap's own bookkeeping."""
    direct: int
    """Bytes of blocks too big for the heap's pages (over 1 MiB), each in a mapping of its own."""
    huge_pages: int
    """Bytes of the heap that sit in huge pages."""
    committed: int
    """Bytes of address space that the heap has taken into use."""
    reserved: int
    """Bytes of address space that the heap has set aside; costs no memory."""
    trim_seconds: float
    """Time spent giving memory back, in seconds."""
    collector: str
    """Who does full garbage collections: "concurrent" or "inplace" (Hoopsnake), "stock" (CPython,
    as asked for) or "passive" (CPython, since Hoopsnake cannot)."""
    collector_reason: str | None
    """Why the collector is another than the one asked for; None when it is that one."""
    full_collections: int
    """Full garbage collections that Hoopsnake did."""
    pauses: tuple[PauseCount, ...]
    """Stops by garbage collections of any kind, shortest first. Buckets without a stop are left out
    before the first and after the last that has one."""


@dataclass(frozen=True, slots=True)
class Collection:
    """One full garbage collection that Hoopsnake did. Times are seconds."""

    at: float
    """When it began, since the start of the process."""
    trigger: str
    """Why it began: "threshold" (CPython found one due), "pressure" (memory grew), "collect"
    (`hoopsnake.collect()` or `gc.collect()`), "debug"."""
    mode: str
    """Where the search was: "concurrent" (in a copy, beside the program) or "inplace"."""
    outcome: str
    """What came of it: "running" (nothing yet), "done", "failed" (the search did not come to its
    end) or "discarded" (what it found was not used)."""
    reason: str | None
    """Why it failed or was discarded, or why it was in place although concurrent was asked for."""
    pause_seconds: float
    """The stop that it began with: taking the copy, or in place the whole search."""
    search_seconds: float
    """Time of the search, in the copy or in place."""
    judge_seconds: float
    """Time of all young collections that judged what was found; the program stood still in each."""
    longest_judge_seconds: float
    """The longest of them."""
    batches: int
    """How many of them there were."""
    objects: int
    """Containers that were looked at: objects that can refer to others."""
    candidates: int
    """Objects that the search took for garbage."""
    components: int
    """Groups among them whose members all reach each other."""
    largest_component: int
    """Objects in the largest group."""
    freed: int
    """Candidates that were garbage, and are gone."""
    dropped_died: int
    """Candidates that had been freed already when they were to be judged."""
    dropped_untracked: int
    """Candidates that CPython's collector had stopped tracking by then."""
    survived: int
    """Candidates that were judged to be alive."""

    @property
    def longest_stop_seconds(self) -> float:
        """The longest time for which this collection made the program stand still."""
        return max(self.pause_seconds, self.longest_judge_seconds)


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """A snapshot that was written."""

    path: str
    """The file, as it was named. `hoopsnake.heap.open()` and `hoop top` read it."""
    objects: int
    """Objects in it."""
    bytes: int
    """Size of the file."""
    damaged: int
    """Objects that could not be read: caught half-built, by a snapshot that could not wait."""
    pause_seconds: float
    """How long the program stood still."""
    write_seconds: float
    """How long a copy of the process wrote meanwhile."""


def install(collector: str) -> bool:
    _collectors.checked(collector)
    if disabled(os.environ):
        return False
    _ensure_agent()
    from hoopsnake import _agent

    try:
        return _agent.install(collector)
    except RuntimeError as error:
        raise HoopError(f"Hoopsnake stays out of this process: {error}") from error


def stats() -> Stats:
    _ensure_agent()
    from hoopsnake import _agent

    figures = _agent.stats()
    collector = _agent.collector()
    return Stats(
        active=_agent.status()["active"],
        in_use=figures["in_use"],
        live_blocks=figures["live_blocks"],
        free_resident=figures["free_resident"],
        free_returned=figures["free_returned"],
        returned_total=figures["returned_total"],
        fragmentation=figures["fragmentation"],
        metadata=figures["metadata"],
        direct=figures["direct"],
        huge_pages=figures["huge_pages"],
        committed=figures["committed"],
        reserved=figures["reserved"],
        trim_seconds=figures["trim_ns"] / _NS_PER_S,
        collector=collector["mode"],
        collector_reason=collector["reason"],
        full_collections=collector["collections"],
        pauses=_pauses(collector["pauses"]),
    )


def trim() -> int:
    _ensure_agent()
    from hoopsnake import _agent

    return _agent.trim()


def epoch() -> None:
    _ensure_agent()
    from hoopsnake import _agent

    _agent.epoch()


def collect() -> int:
    _ensure_agent()
    from hoopsnake import _agent

    return _agent.collect()


def collections() -> list[Collection]:
    _ensure_agent()
    from hoopsnake import _agent

    return [_collection(record) for record in _agent.collections()]


def snapshot(path: str, with_values: bool) -> SnapshotFile:
    _ensure_agent()
    from hoopsnake import _agent
    from hoopsnake._output import whole_file

    with whole_file(path) as file:
        try:
            facts = _agent.snapshot(file, with_values)
        except OSError as error:
            raise HoopError(f"no snapshot in {path}: {error}") from error
    return SnapshotFile(
        path=path,
        objects=facts["objects"],
        bytes=facts["bytes"],
        damaged=facts["damaged"],
        pause_seconds=facts["pause_ns"] / _NS_PER_S,
        write_seconds=facts["write_ns"] / _NS_PER_S,
    )


def _collection(record: CollectionRecord) -> Collection:
    return Collection(
        at=record["at_ns"] / _NS_PER_S,
        trigger=record["trigger"],
        mode=record["mode"],
        outcome=record["outcome"],
        reason=record["reason"],
        pause_seconds=record["pause_ns"] / _NS_PER_S,
        search_seconds=record["search_ns"] / _NS_PER_S,
        judge_seconds=record["judge_ns"] / _NS_PER_S,
        longest_judge_seconds=record["longest_judge_ns"] / _NS_PER_S,
        batches=record["batches"],
        objects=record["objects"],
        candidates=record["candidates"],
        components=record["components"],
        largest_component=record["largest_component"],
        freed=record["freed"],
        dropped_died=record["dropped_died"],
        dropped_untracked=record["dropped_untracked"],
        survived=record["survived"],
    )


def _pauses(rows: list[tuple[int, int, int, int]]) -> tuple[PauseCount, ...]:
    """The rows from the first to the last that counts any stop."""
    counted = [index for index, (_, *numbers) in enumerate(rows) if any(numbers)]
    if not counted:
        return ()
    return tuple(
        PauseCount(up_to / _NS_PER_S if up_to else inf, young, full, hoop)
        for up_to, young, full, hoop in rows[counted[0] : counted[-1] + 1]
    )


def _ensure_agent() -> None:
    """Load the agent of this interpreter as hoopsnake._agent; HoopError when there is none."""
    if "hoopsnake._agent" not in sys.modules and not _load_preloaded():
        _load_installed()


def _load_preloaded() -> bool:
    """Load the agent that `hoop run` put in, which need not be the one beside this package.

    Opening another copy would ask a heap that serves nobody.
    """
    path = _mapped_agent() if "HOOP_RUN_DIR" in os.environ else None
    if not path:
        return False
    from importlib.machinery import ExtensionFileLoader
    from importlib.util import module_from_spec, spec_from_file_location

    loader = ExtensionFileLoader("hoopsnake._agent", path)
    spec = spec_from_file_location("hoopsnake._agent", path, loader=loader)
    if spec is None:
        return False
    module = module_from_spec(spec)
    loader.exec_module(module)
    sys.modules["hoopsnake._agent"] = module
    vars(sys.modules["hoopsnake"])["_agent"] = module  # as an import would
    return True


def _mapped_agent() -> str | None:
    from importlib.machinery import EXTENSION_SUFFIXES

    name = "/_agent" + EXTENSION_SUFFIXES[0]
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
            lines = (line.rstrip("\n") for line in maps)
            return next((line[line.index("/") :] for line in lines if line.endswith(name)), None)
    except OSError:
        return None


def _load_installed() -> None:
    try:
        import_module("hoopsnake._agent")
    except ImportError as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        detail = "" if isinstance(error, ModuleNotFoundError) else f" ({error})"
        raise HoopError(
            f"no usable Hoopsnake agent for {sys.implementation.name} {version}{detail}; "
            "reinstall hoopsnake with this very Python"
        ) from error
