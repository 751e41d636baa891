# SPDX-License-Identifier: Apache-2.0
"""The compiled agent: one per CPython version, put in place by the build."""

from typing import TypedDict

class HeapFigures(TypedDict):
    """Bytes, but for what says otherwise. Fields as `hoopsnake.Stats`, which documents them."""

    reserved: int
    committed: int
    in_use: int
    free_resident: int
    free_returned: int
    metadata: int
    direct: int
    huge_pages: int
    returned_total: int
    trim_ns: int
    live_blocks: int
    fragmentation: float

class AgentStatus(TypedDict):
    """`active`: the heap serves this process; otherwise `reason` says why not, if there is one."""

    active: bool
    reason: str | None

class CollectorFigures(TypedDict):
    """Who does full collections, and the stops by collections of any kind.

    `mode`: "concurrent", "inplace", "stock" or "passive"; `reason` says why not as asked for.
    `collections`: full ones that Hoopsnake did. A row of `pauses` is the longest stop that it
    counts, in ns (0: whatever is longer than the row before), and the numbers of stops by CPython's
    young collections, by its full ones, and by Hoopsnake.
    """

    mode: str
    reason: str | None
    collections: int
    pauses: list[tuple[int, int, int, int]]

class CollectionRecord(TypedDict):
    """One full collection. Times are ns; fields as `hoopsnake.Collection`, which documents them."""

    at_ns: int
    trigger: str
    mode: str
    outcome: str
    reason: str | None
    pause_ns: int
    search_ns: int
    judge_ns: int
    longest_judge_ns: int
    batches: int
    objects: int
    candidates: int
    components: int
    largest_component: int
    freed: int
    dropped_died: int
    dropped_untracked: int
    survived: int

def stats() -> HeapFigures: ...
def trim() -> int: ...
def epoch() -> None: ...
def install(collector: str = "concurrent") -> bool: ...  # RuntimeError with the reason if it cannot
def snapshot(file: int, with_values: bool, /) -> dict[str, int]: ...
def collect() -> int: ...
def collector() -> CollectorFigures: ...
def collections() -> list[CollectionRecord]: ...  # oldest first, the last 256
def status() -> AgentStatus: ...
def validate() -> None: ...  # RuntimeError says what is damaged in the heap
