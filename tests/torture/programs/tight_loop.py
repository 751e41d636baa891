# SPDX-License-Identifier: Apache-2.0
"""C code that does not come back for long: a sum and a pattern, which keep the GIL; a hash."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable

import held

COUNT = 10**7
TEXT = "a" * 22 + "b"
DATA = bytes(100 << 20)
TASKS: list[Callable[[], object]] = [
    lambda: sum(range(COUNT)),
    lambda: re.fullmatch(r"(a|aa)+c", TEXT),
    lambda: hashlib.sha256(DATA).hexdigest(),
]


def main() -> None:
    first, did, failed = [task() for task in TASKS], 0, 0
    held.ready()
    for task, right in itertools.cycle(list(zip(TASKS, first))):  # noqa: B905
        if held.is_over():
            break
        failed += task() != right
        did += 1
    held.say(did, failed)


main()
