# SPDX-License-Identifier: Apache-2.0
import sys


def lengths_where_size_changes(make_longer, thing, until):
    size = sys.getsizeof(thing)
    found = []
    for length in range(1, until):
        make_longer(thing, length)
        if sys.getsizeof(thing) != size:
            size = sys.getsizeof(thing)
            found.append(length)
    return found


def append(thing, number):
    thing.append(number)


def store(thing, number):
    thing[number] = None


print("list:", lengths_where_size_changes(append, [], 60))
print("dict:", lengths_where_size_changes(store, {}, 60))

full = list(range(1000))
print("bytes for each place of a list:", (sys.getsizeof(full) - sys.getsizeof([])) // 1000)
exact, grown = [0] * 101, []
for number in range(101):
    grown.append(number)
print("grown by append is larger than made at once:", sys.getsizeof(grown) > sys.getsizeof(exact))

size = sys.getsizeof(grown)
for _ in range(40):
    grown.pop()
print("61 left: as large as before:", sys.getsizeof(grown) == size)
for _ in range(30):
    grown.pop()
print("31 left: as large as before:", sys.getsizeof(grown) == size)

table = {number: None for number in range(100)}
size = sys.getsizeof(table)
for number in range(99):
    del table[number]
print("1 of 100 keys left: as large as before:", sys.getsizeof(table) == size)
print("a copy of it is smaller:", sys.getsizeof(dict(table)) < size)
table.clear()
print("cleared, it is smaller:", sys.getsizeof(table) < size)
