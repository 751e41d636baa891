# SPDX-License-Identifier: Apache-2.0
# Each failure is raised from the one before: the last error keeps them all.
# type: RuntimeError|Attempt|frame|traceback
# holder: last_error
# verdict: grows
# fix: traceback|None|string|format|from None|bound|__context__|__cause__
import sys

FIXED = "--fixed" in sys.argv
last_error = None


class Attempt:
    def __init__(self, number):
        self.number = number
        self.payload = bytearray(3000)


def attempt(number):
    current = Attempt(number)
    raise RuntimeError(f"attempt {current.number}") from (None if FIXED else last_error)


for number in range(300):
    try:
        attempt(number)
    except RuntimeError as error:
        last_error = error.with_traceback(None) if FIXED else error
print(repr(last_error))
