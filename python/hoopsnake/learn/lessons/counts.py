# SPDX-License-Identifier: Apache-2.0
import sys


class Page:
    pass


page = Page()
print("one name:", sys.getrefcount(page))
other = page
print("two names:", sys.getrefcount(page))
shelf = [page, page]
print("twice in a list:", sys.getrefcount(page))
shelf.pop()
print("once in a list:", sys.getrefcount(page))
owner = {"page": page}
print("in a dict:", sys.getrefcount(page))
del other, shelf, owner
print("one name again:", sys.getrefcount(page))
copies = [[page]] * 1000  # one inner list, a thousand times: one reference to the page
print("in one list:", sys.getrefcount(page))


def count_of(value):
    return sys.getrefcount(value)


def local():
    mine = Page()
    return sys.getrefcount(mine)


copies = None
print("as an argument:", count_of(page))
print("a local name:", local())
print("no name:", sys.getrefcount(Page()))
