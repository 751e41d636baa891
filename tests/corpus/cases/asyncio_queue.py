# SPDX-License-Identifier: Apache-2.0
# An asyncio.Queue without a bound: the producer is faster than the consumer.
# type: Event
# holder: queue|events
# verdict: grows
# fix: maxsize|bound
import asyncio
import sys

FIXED = "--fixed" in sys.argv


class Event:
    def __init__(self, number):
        self.number = number
        self.data = {"number": number, "text": f"event {number}"}


async def consume(events):
    while True:
        await events.get()
        await asyncio.sleep(0.01)


async def produce(events, end):
    number = 0
    while asyncio.get_running_loop().time() < end:
        number += 1
        await events.put(Event(number))
        await asyncio.sleep(0 if FIXED else 0.0003)


async def main():
    events = asyncio.Queue(maxsize=5 if FIXED else 0)
    consumer = asyncio.create_task(consume(events))
    await produce(events, asyncio.get_running_loop().time() + 0.7)
    consumer.cancel()


asyncio.run(main())
