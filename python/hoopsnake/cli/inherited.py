# SPDX-License-Identifier: Apache-2.0
"""Which signals this process was started with ignored.

Python itself ignores two of them before our first line runs, and nobody can tell any more what was
there. So the parent is asked: what it ignores, its children ignore too. Not if it is a Python: that
one ignores them for itself, and gives its children the default.
"""

from __future__ import annotations

import os
import re

_PYTHON = re.compile(r"(python|pypy)[\d.]*t?( \(deleted\))?")


def ignored_signals(proc: str = "/proc") -> set[int]:
    """Numbers of the signals; none when the parent is gone or may not be looked at."""
    parent = os.path.join(proc, str(os.getppid()))
    try:
        if _PYTHON.fullmatch(os.path.basename(os.readlink(os.path.join(parent, "exe")))):
            return set()
        with open(os.path.join(parent, "status"), encoding="ascii", errors="replace") as file:
            mask = next(int(line.split()[1], 16) for line in file if line.startswith("SigIgn:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return set()
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}
