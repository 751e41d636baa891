# SPDX-License-Identifier: Apache-2.0
"""What is known by name, in one object for all."""

_default = None
PRICES = {f"thing {i}": (i, i * 1.2) for i in range(2000)}


class Registry:
    def __init__(self):
        self.baskets = {}

    def remember(self, name, thing):
        self.baskets[name] = thing

    def forget(self, name):
        self.baskets.pop(name, None)


def default():
    global _default
    if _default is None:
        _default = Registry()
    return _default
