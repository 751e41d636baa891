# SPDX-License-Identifier: Apache-2.0
import gc
import weakref

saved = []


class Ghost:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("   __del__ of", self.name)
        if self.name == "returns":
            saved.append(self)  # a new reference: it does not go


ghost = Ghost("goes")
del ghost
print("after del")

ghost = Ghost("returns")
look = weakref.ref(ghost)
del ghost
print("saved:", [one.name for one in saved])
print("the weak reference still works:", look() is saved[0])
saved.clear()
print("saved is empty; alive:", look() is not None)

a, b = Ghost("left"), Ghost("right")
a.other, b.other = b, a
del a, b
print("both in a cycle: nothing was called")
gc.collect()
print("after the collection")


class Plain:
    pass


plain = Plain()
weakref.finalize(plain, print, "   finalize: put things away here")
del plain
print("end of the program")
