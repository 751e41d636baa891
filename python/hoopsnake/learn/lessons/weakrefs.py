# SPDX-License-Identifier: Apache-2.0
import weakref


class Page:
    def __init__(self, title):
        self.title = title


page = Page("home")
look = weakref.ref(page, lambda gone: print("   callback: the page is gone"))
print("through the reference:", look().title)
del page
print("through the reference:", look())

cache = weakref.WeakValueDictionary()
news = Page("news")
cache["news"] = news
cache["lost"] = Page("lost")  # nothing else refers to it
print("in the cache:", sorted(cache))
del news
print("in the cache:", sorted(cache))

notes = weakref.WeakKeyDictionary()
page = Page("about")
notes[page] = "read twice"
print("notes:", len(notes))
del page
print("notes:", len(notes))

for thing in (7, "text", (1, 2), [1], {}):
    try:
        weakref.ref(thing)
    except TypeError as error:
        print(error)
