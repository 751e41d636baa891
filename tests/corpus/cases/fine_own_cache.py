# SPDX-License-Identifier: Apache-2.0
# A cache made by hand, with a limit of a hundred entries that it keeps to.
# verdict: none
from collections import OrderedDict


class Picture:
    def __init__(self, number):
        self.number = number
        self.pixels = bytearray(3000)


class Cache:
    def __init__(self, limit):
        self.limit = limit
        self.entries = OrderedDict()

    def get(self, number):
        if number in self.entries:
            self.entries.move_to_end(number)
        else:
            self.entries[number] = Picture(number)
            if len(self.entries) > self.limit:
                self.entries.popitem(last=False)
        return self.entries[number]


cache = Cache(100)
for number in range(6000):
    cache.get(number * 7 % 1500)
print(len(cache.entries))
