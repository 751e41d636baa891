# SPDX-License-Identifier: Apache-2.0
# A chain of nodes that only gets longer: no container at all.
# type: Entry
# holder: journal|first|last|newest
# verdict: grows
# fix: bound|drop|limit|maxlen|cut|remove|break
import sys

FIXED = "--fixed" in sys.argv


class Entry:
    __slots__ = ("previous", "text")

    def __init__(self, text, previous):
        self.text = text
        self.previous = previous


class Journal:
    def __init__(self):
        self.newest = None

    def write(self, text):
        self.newest = Entry(text, None if FIXED else self.newest)


journal = Journal()
for i in range(4000):
    journal.write(f"line {i}")
print(journal.newest.text)
