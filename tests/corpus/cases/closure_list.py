# SPDX-License-Identifier: Apache-2.0
# A nested function appends to a list that is a variable of the function around it.
# type: Reading
# holder: readings.*(record|make_recorder)|(record|make_recorder).*readings
# verdict: grows
# fix: maxlen|bound|drop|clear|limit|remove|captur
import sys
from collections import deque
from dataclasses import dataclass

FIXED = "--fixed" in sys.argv


@dataclass
class Reading:
    sensor: str
    value: float


def make_recorder(name):
    readings = deque(maxlen=20) if FIXED else []

    def record(value):
        readings.append(Reading(name, value))
        return sum(r.value for r in list(readings)[-10:])

    return record


record_outside = make_recorder("outside")
for i in range(2000):
    mean = record_outside(i / 7)
print(mean)
