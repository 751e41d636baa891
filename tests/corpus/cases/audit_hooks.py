# SPDX-License-Identifier: Apache-2.0
# Audit hooks cannot be removed: one for each monitor stays.
# type: Monitor
# holder: audit
# verdict: grows
# fix: once|weak|module.level
import sys

FIXED = "--fixed" in sys.argv


class Monitor:
    installed = False

    def __init__(self, name):
        self.name = name
        self.counts = {f"{name}.{i}": 0 for i in range(20)}
        if not FIXED:
            sys.addaudithook(self.hook)

    def hook(self, event, arguments):
        pass


for i in range(40):
    Monitor(f"monitor {i}")
print("done")
