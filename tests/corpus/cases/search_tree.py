# SPDX-License-Identifier: Apache-2.0
# A tree of nodes grows with every key ever looked up.
# type: Knot
# holder: root|index
# verdict: grows
# fix: bound|drop|limit|remove|prune|delete
import random
import sys

FIXED = "--fixed" in sys.argv


class Knot:
    def __init__(self, key):
        self.key = key
        self.left = None
        self.right = None


class Index:
    def __init__(self):
        self.root = None

    def insert(self, key):
        if self.root is None or FIXED:
            self.root = Knot(key)
            return
        knot = self.root
        while True:
            side = "left" if key < knot.key else "right"
            if getattr(knot, side) is None:
                setattr(knot, side, Knot(key))
                return
            knot = getattr(knot, side)


index = Index()
numbers = random.Random(3)
for _ in range(3000):
    index.insert(numbers.random())
print(index.root.key < 1)
