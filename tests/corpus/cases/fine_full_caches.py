# SPDX-License-Identifier: Apache-2.0
# Caches that are full, a big table made once, a pool: nothing to blame.
# verdict: none
import functools
import random
from collections import deque

TABLE = {i: (i * 3, str(i)) for i in range(60_000)}
recent = deque(maxlen=300)
numbers = random.Random(5)


@functools.lru_cache(maxsize=256)
def look_up(key):
    return [TABLE[key]]


for _ in range(5000):
    key = numbers.randrange(len(TABLE))
    recent.append(look_up(key))
print(look_up.cache_info().currsize)
