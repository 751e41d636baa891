# SPDX-License-Identifier: Apache-2.0
# Every importer registers a search function for codecs.
# type: Importer
# holder: codec
# verdict: grows
# fix: unregister|once|module.level|weak
import codecs
import sys

FIXED = "--fixed" in sys.argv


class Importer:
    def __init__(self, path):
        self.path = path
        self.buffer = bytearray(4000)
        if not FIXED:
            codecs.register(self.search)

    def search(self, name):
        return None


for i in range(100):
    Importer(f"file {i}")
print("done")
