# SPDX-License-Identifier: Apache-2.0
# A store registers its close for the end of the program; closing it does not take that back.
# type: Store
# holder: atexit
# verdict: grows
# fix: unregister|weak|once
import atexit
import sys

FIXED = "--fixed" in sys.argv


class Store:
    def __init__(self, path):
        self.path = path
        self.pages = [bytes(1000) for _ in range(10)]
        atexit.register(self.close)

    def close(self):
        if FIXED:
            atexit.unregister(self.close)


for i in range(100):
    store = Store(f"store-{i}")
    store.close()
del store
print("done")
