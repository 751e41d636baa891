# SPDX-License-Identifier: Apache-2.0
# A cache that holds its values weakly, and observers that unsubscribe.
# verdict: none
import weakref


class Picture:
    def __init__(self, name):
        self.name = name
        self.pixels = bytearray(5000)


pictures = weakref.WeakValueDictionary()
observers = []


def picture(name):
    found = pictures.get(name)
    if found is None:
        found = pictures[name] = Picture(name)
    return found


for i in range(1000):
    shown = picture(f"picture {i % 300}")
    observers.append(shown.pixels.clear)
    observers.pop()
print(len(pictures))
