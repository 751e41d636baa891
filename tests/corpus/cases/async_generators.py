# SPDX-License-Identifier: Apache-2.0
# Asynchronous generators that were begun and put aside, in a list of an object.
# type: Feed|async_generator
# holder: begun
# verdict: grows|large|bounded
# fix: clos|exhaust|finish
import asyncio
import sys

FIXED = "--fixed" in sys.argv


class Feed:
    def __init__(self, name):
        self.name = name
        self.items = [f"{name} {i}" for i in range(30)]


async def items(name):
    feed = Feed(name)
    for item in feed.items:
        yield item


class Reader:
    def __init__(self):
        self.begun = []

    async def first(self, name):
        generator = items(name)
        item = await generator.__anext__()
        if FIXED:
            await generator.aclose()
        else:
            self.begun.append(generator)
        return item


reader = Reader()
loop = asyncio.new_event_loop()
for i in range(150):
    loop.run_until_complete(reader.first(f"feed {i}"))
print("done")
