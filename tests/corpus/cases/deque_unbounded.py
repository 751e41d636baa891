# SPDX-License-Identifier: Apache-2.0
# A deque without maxlen, as a global of a function that is called often.
# type: Sample
# holder: recent
# verdict: grows
# fix: maxlen|bound
import sys
from collections import deque
from typing import NamedTuple

FIXED = "--fixed" in sys.argv


class Sample(NamedTuple):
    at: float
    load: float


recent = deque(maxlen=100 if FIXED else None)


def sample(i):
    recent.append(Sample(i * 0.1, (i * 37 % 100) / 100))
    return sum(s.load for s, _ in zip(reversed(recent), range(10), strict=False))


for i in range(8000):
    sample(i)
print("done")
