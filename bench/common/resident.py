# SPDX-License-Identifier: Apache-2.0
"""The memory of a process and of what it cloned or forked, looked at from outside.

PSS: a page that several processes share counts in parts, so that the sum over a family is what the
family costs. The kernel walks page tables to tell (24 ms for 1.6 GB of small pages), during which
the process may wait for it: nobody should measure a stop and PSS at the same time.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += map(int, (task / "children").read_text(encoding="ascii").split())
        except OSError:
            continue  # the thread, or the process, has ended
    return found


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    members = [pid]
    for member in members:
        try:
            members += children(member)
        except OSError:
            continue
    return members


def rollup(pid: int, name: str) -> int:
    """A line of smaps_rollup in bytes; 0 when there is no such process any more."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), 0)


def family_pss(pid: int) -> int:
    return sum(rollup(member, "Pss:") for member in family(pid))


class FamilyWatch:
    """Samples the family's PSS in a thread of its own: (seconds since the start, bytes)."""

    def __init__(self, pid: int, period: float) -> None:
        self._pid = pid
        self._period = period
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self.timeline: list[tuple[float, int]] = []

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> list[tuple[float, int]]:
        """What was seen, which is nothing if it was never started."""
        self._over.set()
        if self._thread:
            self._thread.join()
        return self.timeline

    def _run(self) -> None:
        start = time.monotonic()
        while True:
            bytes_now = family_pss(self._pid)
            if bytes_now:
                self.timeline.append((time.monotonic() - start, bytes_now))
            if self._over.wait(self._period):
                return
