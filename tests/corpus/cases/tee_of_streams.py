# SPDX-License-Identifier: Apache-2.0
# Two readers of one stream: one is never moved on.
# type: Packet
# holder: tee
# verdict: grows|large
# fix: tee|one pass|list|speed|advance|slow
import itertools
import sys
import time

FIXED = "--fixed" in sys.argv


class Packet:
    def __init__(self, number):
        self.number = number
        self.data = bytearray(5000)


def packets():
    for number in range(500):
        time.sleep(0.001)
        yield Packet(number)


fast, slow = itertools.tee(packets())
for _ in fast:
    if FIXED:
        next(slow)
print("done")
