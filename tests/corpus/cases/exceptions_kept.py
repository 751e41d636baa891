# SPDX-License-Identifier: Apache-2.0
# A service keeps every error it met, and each error its frames with the order in them.
# type: Order|ValueError
# holder: failures
# verdict: grows
# fix: traceback|format|string|bound|limit
import sys

FIXED = "--fixed" in sys.argv


class Order:
    def __init__(self, number):
        self.number = number
        self.lines = [f"item {number}.{i}" for i in range(20)]


class Shop:
    def __init__(self):
        self.failures = []
        self.failed = 0

    def check(self, number):
        order = Order(number)
        if len(order.lines) > 10:
            raise ValueError(f"order {number} is too long")

    def take(self, number):
        try:
            self.check(number)
        except ValueError as error:
            self.failed += 1
            if not FIXED:
                self.failures.append(error)


shop = Shop()
for number in range(400):
    shop.take(number)
print(shop.failed)
