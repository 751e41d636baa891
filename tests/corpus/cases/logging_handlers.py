# SPDX-License-Identifier: Apache-2.0
# Each worker adds a handler of its own to one logger.
# type: (Null|Stream|Memory)?Handler
# holder: workers.*handlers|handlers.*workers|logger '?workers
# verdict: grows
# fix: once|removeHandler|remove|at import
import io
import logging
import sys

FIXED = "--fixed" in sys.argv


class Worker:
    def __init__(self, name):
        self.name = name
        self.log = logging.getLogger("workers")
        if not FIXED or not self.log.handlers:
            self.log.addHandler(logging.StreamHandler(io.StringIO()))


for i in range(150):
    Worker(f"worker {i}").log.propagate = False
print("done")
