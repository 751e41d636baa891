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

def stats() -> HeapFigures: ...
def trim() -> int: ...
def epoch() -> None: ...
def install() -> bool: ...  # RuntimeError with the reason if it cannot
def status() -> AgentStatus: ...
def validate() -> None: ...  # RuntimeError says what is damaged in the heap
