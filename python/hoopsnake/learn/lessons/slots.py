# SPDX-License-Identifier: Apache-2.0
import sys
import tracemalloc
from dataclasses import dataclass


class Plain:
    def __init__(self, x, y):
        self.x = x
        self.y = y


class Slotted:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x = x
        self.y = y


@dataclass(slots=True)
class Data:
    x: int
    y: int


def bytes_of_each(make, count=20):
    kept = [make(1, 2) for _ in range(count)]  # takes what CPython keeps ready, for nothing
    before = tracemalloc.get_traced_memory()[0]
    more = [make(1, 2) for _ in range(count)]
    return round((tracemalloc.get_traced_memory()[0] - before - sys.getsizeof(more)) / count)


spare = [list(map(dict.copy, [{"x": 1, "y": 2}] * 200)), list(zip(range(3000), range(3000)))]
tracemalloc.start()
plain = bytes_of_each(Plain)
slotted = bytes_of_each(Slotted)
print("slotted takes at most 70% of plain:", slotted <= 0.7 * plain)
print("a slotted dataclass as much as slotted:", abs(bytes_of_each(Data) - slotted) < 8)
as_dict = bytes_of_each(lambda x, y: {"x": x, "y": y})
print("a dict for each takes over twice as much:", as_dict > 2 * slotted)

point = Slotted(1, 2)
print("slotted:", sys.getsizeof(point), "bytes - a tuple of two:", sys.getsizeof((1, 2)))
print("has a dict:", hasattr(Plain(1, 2), "__dict__"), hasattr(point, "__dict__"))
try:
    point.z = 3
except AttributeError:
    print("no other attributes")


class Child(Slotted):  # says nothing of slots
    pass


child = Child(1, 2)
child.z = 3
print("a child without slots has a dict again:", child.__dict__)
