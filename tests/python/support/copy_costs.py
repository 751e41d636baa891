# SPDX-License-Identifier: Apache-2.0
"""Random structures, whose copies are foretold and made. Runs on any Python, without us beside.

    python copy_costs.py FIRST_SEED SEEDS

Prints what was foretold wrongly, and nothing else.
"""

from __future__ import annotations

import copy
import random
import sys
from array import array
from collections import defaultdict, deque
from typing import Any

from hoopsnake import copy_cost
from hoopsnake._walk import by_type, is_shared, referents_of


class Plain:
    pass


class Slotted:
    __slots__ = ("first", "second")


class Made:
    def __init__(self, first: object, second: object) -> None:
        self.first = first
        self.second = second


def reach(start: object) -> dict[int, object]:
    """All objects below one, those in a `__dict__` that the collector is not shown too."""
    seen = {id(start): start}
    waiting = [start]
    while waiting:
        one = waiting.pop()
        targets = list(referents_of(one))
        if type(one) in (Plain, Made):
            targets.append(vars(one))
        for target in targets:
            if id(target) not in seen and not is_shared(target):
                seen[id(target)] = target
                waiting.append(target)
    return seen


def key(dice: random.Random, number: int) -> object:
    return f"k{number}" if dice.random() < 0.9 else number


def instance(dice: random.Random, depth: int) -> object:
    one: Any = dice.choice([Plain(), Slotted(), Made(None, None)])
    one.first = make(dice, depth - 1)
    one.second = make(dice, depth - 1)
    return one


def make(dice: random.Random, depth: int) -> object:
    """Lists, dicts, tuples, sets, instances, some of them shared, and what ends them."""
    kind = dice.randrange(13) if depth > 0 else dice.randrange(3)
    few = dice.randrange(8)
    many = few * dice.choice([1, 1, 5])
    if kind == 0:
        return dice.randrange(10**6)
    if kind == 1:
        return f"text {dice.randrange(100)}"
    if kind == 2:
        return dice.random()
    if kind in (3, 4):
        made = [make(dice, depth - 1) for _ in range(many)]
        return made + made[:2]
    if kind in (5, 6):
        return {key(dice, i): make(dice, depth - 1) for i in range(many)}
    if kind == 7:
        return tuple(make(dice, depth - 1) for _ in range(few))
    if kind == 8:
        return {dice.randrange(10**6) for _ in range(20 * few)}
    if kind == 9:
        return frozenset(f"f{dice.randrange(10**6)}" for _ in range(few))
    if kind == 10:
        return instance(dice, depth)
    if kind == 11:
        return deque(make(dice, depth - 1) for _ in range(10 * few))
    return dice.choice(
        [
            bytearray(dice.randrange(50)),
            array("d", [1.0] * few),
            defaultdict(list, {i: make(dice, depth - 1) for i in range(few)}),
        ]
    )


def differs(kind: str, foretold: tuple[int, int], real: tuple[int, int]) -> bool:
    """The table of an instance's dict is as large as its class's has become by then."""
    if kind != "dict":
        return foretold != real
    return foretold[0] != real[0] or abs(foretold[1] - real[1]) > 0.05 * real[1] + 24 * real[0]


def check(seed: int) -> None:
    one = make(random.Random(seed), 4)
    cost = copy_cost(one)
    old = reach(one)
    if cost.unknown:
        print(f"seed {seed}: not known: {cost.unknown}")
    for name, function, part in (
        ("copy", copy.copy, cost.shallow),
        ("deepcopy", copy.deepcopy, cost.deep),
    ):
        found = reach(function(one))
        real = by_type([value for number, value in found.items() if number not in old])
        for kind in real.keys() | part.made.keys():
            foretold, made = part.made.get(kind, (0, 0)), real.get(kind, (0, 0))
            if differs(kind, foretold, made):
                print(f"seed {seed}: {name}: {kind}: foretold {foretold}, made {made}")


if __name__ == "__main__":
    first, seeds = map(int, sys.argv[1:])
    for number in range(first, first + seeds):
        check(number)
