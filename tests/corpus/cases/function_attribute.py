# SPDX-License-Identifier: Apache-2.0
# A function remembers its calls in an attribute of its own.
# type: Call
# holder: calls.*price|price.*calls
# verdict: grows
# fix: maxlen|deque|bound|drop|limit|clear
import sys
from collections import deque

FIXED = "--fixed" in sys.argv


class Call:
    def __init__(self, arguments):
        self.arguments = arguments


def price(item, count):
    price.calls.append(Call((item, count)))
    return count * 3


price.calls = deque(maxlen=10) if FIXED else []
for i in range(1800):
    price(f"item {i}", i)
print("done")
