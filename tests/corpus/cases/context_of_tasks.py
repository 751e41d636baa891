# SPDX-License-Identifier: Apache-2.0
# A running task appends to its own context variable's list without end.
# type: Hop
# holder: hops|path
# verdict: grows
# fix: bound|drop|limit|reset|maxlen|clear|deque
import asyncio
import contextvars
import sys

FIXED = "--fixed" in sys.argv
hops = contextvars.ContextVar("hops")


class Hop:
    def __init__(self, name):
        self.name = name
        self.headers = {"host": name, "via": name * 2}


async def relay():
    path = []
    hops.set(path)
    for i in range(500):
        path.append(Hop(f"host {i}"))
        if FIXED:
            path.clear()
        await asyncio.sleep(0.001)


asyncio.run(relay())
