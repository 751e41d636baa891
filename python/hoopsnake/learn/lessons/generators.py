# SPDX-License-Identifier: Apache-2.0
import tracemalloc
import weakref


def rows(count):
    for number in range(count):
        yield [number] * 1000


def peak_of(work):
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    total = work()
    return total, tracemalloc.get_traced_memory()[1] - before


tracemalloc.start()
total, with_list = peak_of(lambda: sum(row[0] for row in list(rows(50))))
again, one_by_one = peak_of(lambda: sum(row[0] for row in rows(50)))
print("same result:", total == again)
print("the list takes more than 10 times as much:", with_list > 10 * one_by_one)


class Source:
    def __del__(self):
        print("   source freed")


def read():
    source = Source()
    yield 1
    yield 2


reader = read()
print("nothing has run yet")
print("first:", next(reader))
print("it waits, and holds its source")
reader.close()
print("closed")

squares = (n * n for n in range(4))
print("once:", sum(squares), "- twice:", sum(squares))
