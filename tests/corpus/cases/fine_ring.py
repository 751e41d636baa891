# SPDX-License-Identifier: Apache-2.0
# The last two hundred samples, in a list that is written round and round.
# verdict: none
class Sample:
    __slots__ = ("number", "value")

    def __init__(self, number):
        self.number = number
        self.value = number / 3


class Ring:
    def __init__(self, size):
        self.slots = [None] * size

    def put(self, sample):
        self.slots[sample.number % len(self.slots)] = sample


ring = Ring(200)
for number in range(20_000):
    ring.put(Sample(number))
print(ring.slots[0].number)
