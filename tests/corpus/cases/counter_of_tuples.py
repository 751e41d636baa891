# SPDX-License-Identifier: Apache-2.0
# A Counter with a key for every pair ever seen.
# type: tuple|Pair
# holder: pairs
# verdict: grows
# fix: bound|drop|limit|maxsize|TTL|clear|prune
import sys
from collections import Counter
from typing import NamedTuple

FIXED = "--fixed" in sys.argv


class Pair(NamedTuple):
    left: str
    right: str


class Model:
    pairs: "Counter[Pair]" = Counter()


def learn(number):
    Model.pairs[Pair(f"word {number}", f"word {number + 1}")] += 1
    if FIXED and len(Model.pairs) > 100:
        Model.pairs.clear()


for number in range(2000):
    learn(number)
print("done")
