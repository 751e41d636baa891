# SPDX-License-Identifier: Apache-2.0
# Coroutines that wait for an event which never comes.
# type: Visitor|Task|coroutine
# holder: closing|_waiters|attend
# verdict: grows
# fix: cancel|timeout|set|finish|end
import asyncio
import sys

FIXED = "--fixed" in sys.argv


class Visitor:
    def __init__(self, name):
        self.name = name
        self.basket = [f"{name} thing {i}" for i in range(20)]


async def attend(name, closing):
    visitor = Visitor(name)
    await closing.wait()
    return visitor.name


async def main():
    closing = asyncio.Event()
    for i in range(200):
        task = asyncio.ensure_future(attend(f"visitor {i}", closing))
        await asyncio.sleep(0)
        if FIXED:
            task.cancel()
    del task
    await asyncio.sleep(0.2)


asyncio.run(main())
