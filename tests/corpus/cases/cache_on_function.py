# SPDX-License-Identifier: Apache-2.0
# A cache without a bound on a function of what users type.
# type: Plan
# holder: plan_route
# verdict: grows
# fix: maxsize|bound|limit
import functools
import sys

FIXED = "--fixed" in sys.argv
STREETS = [f"street {i}" for i in range(5000)]


class Plan:
    def __init__(self, start, end):
        self.steps = [start, *STREETS[:5], end]


@functools.lru_cache(maxsize=32 if FIXED else None)
def plan_route(start, end):
    return Plan(start, end)


for i in range(1200):
    plan_route(f"house {i}", f"office {i % 7}")
print(plan_route.cache_info().misses)
