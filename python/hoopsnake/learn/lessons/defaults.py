# SPDX-License-Identifier: Apache-2.0
import weakref


class Row:
    pass


def collect(row, rows=[]):  # made once, when `def` runs
    rows.append(row)
    return len(rows)


def better(row, rows=None):
    if rows is None:
        rows = []  # made for each call
    rows.append(row)
    return len(rows)


print("calls:", collect(Row()), collect(Row()), collect(Row()))
print("kept by the default:", len(collect.__defaults__[0]))
print("better:", better(Row()), better(Row()), better(Row()))

row = Row()
look = weakref.ref(row)
collect(row)
del row
print("no name; alive:", look() is not None)
collect.__defaults__[0].clear()
print("default emptied; alive:", look() is not None)


def twice(value, seen={}):
    if value in seen:
        return "known"
    seen[value] = True
    return "new"


print("a use of it:", twice(1), twice(1), twice(2))
