# SPDX-License-Identifier: Apache-2.0
# A pool of connections grows at first and is then used again and again.
# verdict: none
import random
import time


class Connection:
    def __init__(self, number):
        self.number = number
        self.buffer = bytearray(10_000)


class Pool:
    def __init__(self):
        self.idle = []
        self.made = 0

    def take(self):
        if self.idle:
            return self.idle.pop()
        self.made += 1
        return Connection(self.made)

    def give(self, connection):
        self.idle.append(connection)


pool = Pool()
numbers = random.Random(1)
for _ in range(400):
    used = [pool.take() for _ in range(numbers.randrange(1, 40))]
    time.sleep(0.002)
    for connection in used:
        pool.give(connection)
print(pool.made)
