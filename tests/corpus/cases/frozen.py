# SPDX-License-Identifier: Apache-2.0
# gc.freeze() in every request: cycles that were frozen are never collected.
# type: Parser|Grammar
# holder: freeze|frozen
# verdict: grows|delayed|environment
# fix: freeze
import gc
import sys

FIXED = "--fixed" in sys.argv


class Grammar:
    def __init__(self, parser):
        self.parser = parser


class Parser:
    def __init__(self):
        self.grammar = Grammar(self)
        self.table = bytearray(5000)


for _ in range(100):
    Parser()
    if not FIXED:
        gc.freeze()
    else:
        gc.collect()
print("done")
