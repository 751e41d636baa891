# SPDX-License-Identifier: Apache-2.0
import functools
import weakref


class Page:
    def __init__(self, number):
        self.number = number


alive = weakref.WeakSet()
history = []
pages = {}


def visit(number):
    page = Page(number)
    alive.add(page)
    history.append(page)  # nobody ever takes it out
    pages[number] = page
    return page.number


for number in range(20):
    visit(number)
print("visited 20; alive:", len(alive))
history.clear()
print("history cleared; alive:", len(alive))
while len(pages) > 5:
    del pages[next(iter(pages))]  # the oldest first: dicts keep their order
print("five newest kept; alive:", len(alive))
pages.clear()
print("nothing kept; alive:", len(alive))


@functools.lru_cache(maxsize=None)
def load(number):
    page = Page(number)
    alive.add(page)
    return page


@functools.lru_cache(maxsize=4)
def load_some(number):
    page = Page(number)
    alive.add(page)
    return page


for number in range(20):
    load(number)
print("cache without a bound; alive:", len(alive))
load.cache_clear()
for number in range(20):
    load_some(number)
print("cache of 4; alive:", len(alive))
