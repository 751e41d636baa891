# SPDX-License-Identifier: Apache-2.0
# Copies of the context are kept for callbacks that were called long ago.
# type: Context|Trace|tuple
# holder: called
# verdict: grows
# fix: bound|drop|limit|maxlen|clear|remov|pop|take
import contextvars
import sys

FIXED = "--fixed" in sys.argv
trace = contextvars.ContextVar("trace")


class Trace:
    def __init__(self, number):
        self.number = number
        self.spans = [f"span {number}.{i}" for i in range(15)]


class Hub:
    def __init__(self):
        self.called = []

    def call(self, number):
        context = contextvars.copy_context()
        context.run(trace.set, Trace(number))
        if not FIXED:
            self.called.append((number, context))


hub = Hub()
for number in range(300):
    hub.call(number)
print("done")
