# SPDX-License-Identifier: Apache-2.0
# A table is read at the start, and then only looked at.
# verdict: none
import time


class City:
    __slots__ = ("name", "people")

    def __init__(self, name, people):
        self.name = name
        self.people = people


CITIES = {f"city {i}": City(f"city {i}", i) for i in range(60_000)}
total = 0
for i in range(500):
    total += CITIES[f"city {i * 100}"].people
    time.sleep(0.001)
print(total)
