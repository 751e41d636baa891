# SPDX-License-Identifier: Apache-2.0
# The same with a bound: sixteen old objects are kept, and no more.
# type: Client
# holder: Client.*fetch|fetch
# verdict: bounded
# fix: cached_property|instance|self|static|key|maxsize
import functools
import sys

FIXED = "--fixed" in sys.argv


class Client:
    def __init__(self, name):
        self.name = name
        self.buffer = bytearray(200_000)

    @functools.lru_cache(maxsize=16)
    def fetch(self, path):
        return f"{self.name}{path}"

    def fetch_fixed(self, path):
        return f"{self.name}{path}"


for i in range(400):
    client = Client(f"client {i}")
    (client.fetch_fixed if FIXED else client.fetch)("/index")
del client
print("done")
