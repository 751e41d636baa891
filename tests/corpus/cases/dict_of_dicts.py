# SPDX-License-Identifier: Apache-2.0
# Counts by day and by user, in dicts that make themselves.
# type: Visit
# holder: visits
# verdict: grows
# fix: bound|drop|limit|TTL|remove|pop|delete|maxsize
import sys
from collections import defaultdict

FIXED = "--fixed" in sys.argv


class Visit:
    def __init__(self, page):
        self.page = page


class Analytics:
    def __init__(self):
        self.visits = defaultdict(lambda: defaultdict(dict))

    def note(self, day, user, page):
        self.visits[day][user][page] = Visit(page)
        if FIXED:
            self.visits.clear()


analytics = Analytics()
for i in range(3000):
    analytics.note(f"day {i // 300}", f"user {i % 50}", f"/page/{i}")
print("done")
