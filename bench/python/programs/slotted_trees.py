# SPDX-License-Identifier: Apache-2.0
"""Allocation-heavy: binary search trees of instances with slots, grown, searched and pruned."""

from __future__ import annotations

import random

NODES = 20_000
TREES = 7


class Node:
    __slots__ = ("key", "left", "right", "value")

    def __init__(self, key: int, value: float) -> None:
        self.key = key
        self.value = value
        self.left: Node | None = None
        self.right: Node | None = None


def insert(root: Node, node: Node) -> None:
    while True:
        if node.key < root.key:
            if root.left is None:
                root.left = node
                return
            root = root.left
        else:
            if root.right is None:
                root.right = node
                return
            root = root.right


def grow(keys: list[int]) -> Node:
    root = Node(keys[0], 0.5)
    for key in keys[1:]:
        insert(root, Node(key, key * 0.5))
    return root


def rebuilt(node: Node | None, least: int) -> Node | None:
    """A copy without the keys under `least`."""
    if node is None:
        return None
    if node.key < least:
        return rebuilt(node.right, least)
    copy = Node(node.key, node.value + 1.5)
    copy.left = rebuilt(node.left, least)
    copy.right = rebuilt(node.right, least)
    return copy


def total(node: Node | None) -> float:
    return 0.0 if node is None else node.value + total(node.left) + total(node.right)


def work(scale: float) -> object:
    choose = random.Random(7)
    result = 0.0
    for _ in range(max(1, round(TREES * scale))):
        tree: Node | None = grow(choose.sample(range(NODES * 10), NODES))
        for least in range(0, NODES * 5, NODES):
            tree = rebuilt(tree, least)
        result += total(tree)
    return result
