# SPDX-License-Identifier: Apache-2.0
# Background tasks are kept in a set so that they do not vanish, and never taken out.
# type: Task|Thumbnail
# holder: background
# verdict: grows
# fix: discard|done.?callback|TaskGroup
import asyncio
import sys

FIXED = "--fixed" in sys.argv


class Thumbnail:
    def __init__(self):
        self.pixels = bytearray(8000)


class Gallery:
    def __init__(self):
        self.background = set()

    async def shrink(self):
        await asyncio.sleep(0)
        return Thumbnail()

    def request(self):
        task = asyncio.get_running_loop().create_task(self.shrink())
        self.background.add(task)
        if FIXED:
            task.add_done_callback(self.background.discard)


async def main():
    gallery = Gallery()
    for _ in range(300):
        gallery.request()
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.05)


asyncio.run(main())
