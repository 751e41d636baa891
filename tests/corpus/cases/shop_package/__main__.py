# SPDX-License-Identifier: Apache-2.0
# Two modules: a registry that one fills and nobody empties, by way of a singleton.
# type: Basket
# holder: registry.*(baskets|_default)|baskets
# verdict: grows
# fix: weak|bound|drop|limit|TTL|remov|pop|delet
import sys

import registry

FIXED = "--fixed" in sys.argv


class Basket:
    def __init__(self, customer):
        self.customer = customer
        self.things = [f"thing {i}" for i in range(30)]


for i in range(500):
    basket = Basket(f"customer {i}")
    registry.default().remember(basket.customer, basket)
    if FIXED:
        registry.default().forget(basket.customer)
del basket
print("done")
