# SPDX-License-Identifier: Apache-2.0
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


def bytes_of_each(make, count=2000):
    kept = [None] * count
    before = tracemalloc.get_traced_memory()[0]
    for index in range(count):
        kept[index] = make(1, 2)
    return (tracemalloc.get_traced_memory()[0] - before) / count


tracemalloc.start()
plain = bytes_of_each(Plain)
slotted = bytes_of_each(Slotted)
print("slotted takes at most 70% of plain:", slotted <= 0.7 * plain)
print("a slotted dataclass as much as slotted:", round(bytes_of_each(Data)) == round(slotted))
as_dict = bytes_of_each(lambda x, y: {"x": x, "y": y})
print("a dict for each takes over twice as much:", as_dict > 2 * slotted)
more = bytes_of_each(lambda x, y: (x, y)) - slotted
print("a tuple takes bytes more than slotted:", round(more / 8) * 8)

point = Slotted(1, 2)
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
