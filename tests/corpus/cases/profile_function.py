# SPDX-License-Identifier: Apache-2.0
# A profile function keeps the frames it was called with.
# type: frame|Bill
# holder: frames|profile
# verdict: grows
# fix: f_lineno|co_filename|clear|del|frame|code|name
import sys

FIXED = "--fixed" in sys.argv


class Bill:
    def __init__(self, total):
        self.total = total
        self.lines = [total] * 50


class Profiler:
    def __init__(self):
        self.frames = {} if FIXED else []

    def __call__(self, frame, event, argument):
        if event != "call" or frame.f_code.co_name != "pay":
            return
        if FIXED:
            name = frame.f_code.co_name
            self.frames[name] = self.frames.get(name, 0) + 1
        else:
            self.frames.append(frame)


def pay(total):
    bill = Bill(total)
    return bill.total


sys.setprofile(Profiler())
for i in range(300):
    pay(i)
print("done")
