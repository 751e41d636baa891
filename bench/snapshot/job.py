# SPDX-License-Identifier: Apache-2.0
"""The process that snapshots are taken of, driven by bench/snapshot/run.py: job.py OBJECTS

Builds the heap, says so, and serves requests until stdin ends. Each byte on stdin is answered by a
line of JSON: the longest gap in its own clock since the one before (seconds), and its memory
(bytes).
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.snapshot.heap import Requests, build

REQUESTS_A_LOOK = 100  # at stdin


def memory(name: str) -> int:
    """A line of smaps_rollup of this process, in bytes."""
    with open("/proc/self/smaps_rollup", encoding="ascii") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def say(gap: float) -> None:
    """The look at memory makes a gap of its own: nothing is timed then."""
    figures = {"gap": gap, "rss": memory("Rss:"), "huge": memory("AnonHugePages:")}
    print(json.dumps(figures), flush=True)


def serve_until_asked(requests: Requests) -> float:
    """The longest time from one answer to the next, in seconds."""
    longest, last = 0.0, time.perf_counter()
    while not select.select([0], [], [], 0)[0]:
        for _ in range(REQUESTS_A_LOOK):
            requests.serve()
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
    return longest


def main() -> None:
    build(int(sys.argv[1]))
    requests = Requests()
    say(0.0)
    while True:
        gap = serve_until_asked(requests)
        if not os.read(0, 1):
            break
        say(gap)
    os._exit(0)  # taking millions of objects apart is nobody's figure


if __name__ == "__main__":
    main()
