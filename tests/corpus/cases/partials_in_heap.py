# SPDX-License-Identifier: Apache-2.0
# A scheduler's heap of partials; entries that were cancelled stay in it.
# type: Job|partial|Entry
# holder: pending|scheduler
# verdict: grows
# fix: remov|pop|cancel|weak|bound|drop|clear
import functools
import heapq
import itertools
import sys

FIXED = "--fixed" in sys.argv


class Job:
    def __init__(self, name):
        self.name = name
        self.log = []

    def run(self, when):
        self.log.append(when)


class Scheduler:
    def __init__(self):
        self.pending = []
        self.numbers = itertools.count()

    def later(self, when, call):
        entry = (when, next(self.numbers), call)
        heapq.heappush(self.pending, entry)
        return entry

    def cancel(self, entry):
        if FIXED:
            self.pending.remove(entry)
            heapq.heapify(self.pending)


scheduler = Scheduler()
for i in range(800):
    job = Job(f"job {i}")
    scheduler.cancel(scheduler.later(1e9 + i, functools.partial(job.run, i)))
print("done")
