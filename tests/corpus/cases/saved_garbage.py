# SPDX-License-Identifier: Apache-2.0
# A debug flag of the collector keeps all that it finds.
# type: Ring
# holder: gc\.garbage
# verdict: grows
# fix: set_debug|DEBUG|garbage
import gc
import sys

FIXED = "--fixed" in sys.argv
if not FIXED:
    gc.set_debug(gc.DEBUG_SAVEALL)


class Ring:
    def __init__(self):
        self.next = self
        self.load = bytearray(2000)


for _ in range(20):
    for _ in range(20):
        Ring()
    gc.collect()
print("done")
