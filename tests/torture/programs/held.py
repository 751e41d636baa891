# SPDX-License-Identifier: Apache-2.0
"""What every program here holds, so that a snapshot can be asked for it; and how they are driven.

A program says `ready` and its port (0: none), works until its stdin is closed, and says then how
much it did and what failed.
"""

from __future__ import annotations

import json
import select
import sys


class Session:
    def __init__(self, number: int) -> None:
        self.number = number
        self.rows = [number] * 10


SESSIONS = {f"user{number}": Session(number) for number in range(1000)}


def ready(port: int = 0) -> None:
    print(f"ready {port}", flush=True)


def is_over() -> bool:
    return bool(select.select([0], [], [], 0)[0])


def say(did: int, failed: int = 0) -> None:
    print(json.dumps({"did": did, "failed": failed}), flush=True)


def wait() -> None:
    sys.stdin.read()
