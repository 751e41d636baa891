# SPDX-License-Identifier: Apache-2.0
# An ExitStack that lives as long as the program, with a callback for each file.
# type: Scratch|method|function
# holder: cleanup|_exit_callbacks
# verdict: grows
# fix: clos|with|pop_all|bound|drop|remov|weak|clear
import contextlib
import sys

FIXED = "--fixed" in sys.argv
cleanup = contextlib.ExitStack()


class Scratch:
    def __init__(self, name):
        self.name = name
        self.data = bytearray(3000)

    def remove(self):
        self.data.clear()


def compute(name):
    stack = contextlib.ExitStack() if FIXED else cleanup
    scratch = Scratch(name)
    stack.callback(scratch.remove)
    if FIXED:
        stack.close()
    return len(scratch.data)


for i in range(200):
    compute(f"scratch {i}")
print("done")
