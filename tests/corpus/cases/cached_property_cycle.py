# SPDX-License-Identifier: Apache-2.0
# A cached view refers to its owner: matrices wait for the collector.
# type: Matrix|Columns
# holder: columns|cached_property|owner
# verdict: delayed
# fix: weak|property|each access
import functools
import gc
import sys
import weakref

FIXED = "--fixed" in sys.argv
gc.set_threshold(1_000_000)


class Columns:
    def __init__(self, matrix):
        self.owner = weakref.ref(matrix) if FIXED else matrix


class Matrix:
    def __init__(self, size):
        self.cells = bytearray(size)

    @functools.cached_property
    def columns(self):
        return Columns(self)


for _ in range(60):
    assert Matrix(100_000).columns
print("done")
