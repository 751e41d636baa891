# SPDX-License-Identifier: Apache-2.0
"""Nodes of a tree, of a class with a base."""

from bench.advise.measured import end, scaled


class Item:
    def __init__(self):
        self.name = ""


class Node(Item):
    def __init__(self, left, right):
        super().__init__()
        self.left = left
        self.right = right


def grow(depth):
    return Node(grow(depth - 1), grow(depth - 1)) if depth else None


TREES = [grow(10) for _ in range(scaled(200))]
end()
