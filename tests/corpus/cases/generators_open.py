# SPDX-License-Identifier: Apache-2.0
# Generators that were started and put aside; each holds what its frame has opened.
# type: Cursor|generator
# holder: readers
# verdict: grows|large|bounded
# fix: clos|exhaust|finish
import sys

FIXED = "--fixed" in sys.argv
readers = {}


class Cursor:
    def __init__(self, table):
        self.table = table
        self.page = bytearray(4000)


def rows(table):
    cursor = Cursor(table)
    for i in range(len(cursor.page)):
        yield i, cursor.table


def peek(table):
    reader = rows(table)
    first = next(reader)
    if FIXED:
        reader.close()
    else:
        readers[table] = reader
    return first


for i in range(180):
    peek(f"table_{i}")
print("done")
