# SPDX-License-Identifier: Apache-2.0
# Timeouts far in the future are never cancelled: the loop keeps what they would call.
# type: TimerHandle|Request|method
# holder: _scheduled|loop
# verdict: grows
# fix: cancel|weak|bound|drop
import asyncio
import sys

FIXED = "--fixed" in sys.argv


class Request:
    def __init__(self, number):
        self.number = number
        self.body = bytearray(2000)

    def expire(self):
        self.body.clear()


loop = asyncio.new_event_loop()


async def serve(number):
    request = Request(number)
    timer = asyncio.get_running_loop().call_later(3600, request.expire)
    await asyncio.sleep(0)
    if FIXED:
        timer.cancel()


for number in range(250):
    loop.run_until_complete(serve(number))
print("done")
