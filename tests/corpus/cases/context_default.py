# SPDX-License-Identifier: Apache-2.0
# The default value of a context variable is one list for everybody.
# type: Step
# holder: trail
# verdict: grows
# fix: None|reset|default|bound|limit|set
import contextvars
import sys
from typing import NamedTuple

FIXED = "--fixed" in sys.argv


class Step(NamedTuple):
    name: str
    took: float


trail = contextvars.ContextVar("trail", default=None if FIXED else [])


def step(name):
    steps = trail.get()
    steps = [] if steps is None else steps
    steps.append(Step(f"step {name}", name / 3))
    return len(steps)


for i in range(2500):
    step(i)
print("done")
