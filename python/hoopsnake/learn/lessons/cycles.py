# SPDX-License-Identifier: Apache-2.0
import gc
import weakref


class Node:
    def __init__(self):
        self.other = None


def pair():
    a = Node()
    b = Node()
    a.other = b
    b.other = a
    return weakref.ref(a)


gc.disable()  # now collections run when we say so, and only then
gc.collect()
look = pair()
print("no name is left; alive:", look() is not None)
found = gc.collect()
print("unreachable objects found:", found)
print("alive:", look() is not None)

a = Node()
a.other = Node()
look = weakref.ref(a.other)
a.other = None
print("without a cycle it goes at once; alive:", look() is not None)

print("tracked: list", gc.is_tracked([]), "- int", gc.is_tracked(7), "- str", gc.is_tracked("x"))
node = Node()
print("a new node is young:", node in gc.get_objects(generation=0))
gc.collect(0)
print("after a young collection too:", node in gc.get_objects(generation=0))
gc.collect()
print("after a full one:", node in gc.get_objects(generation=0))
