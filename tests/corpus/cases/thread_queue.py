# SPDX-License-Identifier: Apache-2.0
# A queue.Queue that a slow thread empties.
# type: Line
# holder: lines|queue
# verdict: grows
# fix: maxsize|bound
import queue
import sys
import threading
import time

FIXED = "--fixed" in sys.argv


class Line:
    def __init__(self, text):
        self.text = text


lines = queue.Queue(maxsize=10 if FIXED else 0)


def write():
    while True:
        lines.get()
        time.sleep(0.005)


threading.Thread(target=write, daemon=True).start()
end = time.monotonic() + 0.6
number = 0
while time.monotonic() < end:
    number += 1
    lines.put(Line(f"line {number} " * 10))
    time.sleep(0.0005)
print("done")
