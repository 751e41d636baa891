# SPDX-License-Identifier: Apache-2.0
# A stream is put before the stream again and again: iterators in iterators.
# type: chain|list_iterator|Chunk|tuple
# holder: stream
# verdict: grows
# fix: deque|list|append|flatten|queue|extend|bound|drop|limit
import itertools
import sys

FIXED = "--fixed" in sys.argv


class Chunk:
    def __init__(self, number):
        self.number = number
        self.data = bytes(500)


class Input:
    def __init__(self):
        self.stream = iter(())

    def push_back(self, chunk):
        self.stream = itertools.chain([chunk], () if FIXED else self.stream)


source = Input()
for number in range(400):
    source.push_back(Chunk(number))
print("done")
