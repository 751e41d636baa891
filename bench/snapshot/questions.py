# SPDX-License-Identifier: Apache-2.0
"""Opens a snapshot file, analyses it and asks it a question: questions.py FILE TYPE

Prints seconds, and bytes by which the process grew, as JSON. Nothing is kept beside the file.
"""

from __future__ import annotations

import json
import sys
import time

import hoopsnake.heap


def memory(name: str) -> int:
    """VmHWM, VmRSS or RssAnon of this process, in bytes."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))


def main() -> None:
    path, type_name = sys.argv[1:]
    before, anonymous = memory("VmRSS:"), memory("RssAnon:")
    start = time.perf_counter()
    snapshot = hoopsnake.heap.open(path, index="never")
    opened = time.perf_counter()
    figures = {
        "open": opened - start,
        "peak": memory("VmHWM:") - before,
        "kept": memory("RssAnon:") - anonymous,
        "objects": len(snapshot),
        "references": snapshot.references,
    }
    start = time.perf_counter()
    why = snapshot.why(type_name)
    figures["why"] = time.perf_counter() - start
    figures["held"] = why.holders[0].count
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
