# SPDX-License-Identifier: Apache-2.0
import weakref


class Page:
    def __init__(self, title):
        self.title = title


page = Page("home")
look = weakref.ref(page)  # tells whether the page lives, and does not keep it alive
other = page  # no copy: a second name for the same object
print("same object:", other is page)

other.title = "start"
print("page.title:", page.title)

page = Page("news")
print("old page alive:", look() is not None, "- titles:", page.title, other.title)

other = page
print("old page alive:", look() is not None)

number = 10
before = number
number += 1  # an int never changes: this makes another one
print("number:", number, "- before:", before)

items = [1]
alias = items
items += [2]  # a list does: this changes the one that both names have
print("items:", items, "- alias:", alias)
