# SPDX-License-Identifier: Apache-2.0
class Page:
    def __init__(self, title):
        self.title = title

    def __del__(self):
        print("   freed:", self.title)


def visit():
    page = Page("local")
    print("visit has", page.title)


def keep():
    page = Page("returned")
    return page


visit()
print("visit is over")
kept = keep()
print("keep is over")
kept = None
print("kept is None")

one = Page("two names")
two = one
del one
print("one name deleted")
del two
print("both names deleted")

print(Page("no name").title)

for page in [Page("first"), Page("second")]:
    print("in the loop:", page.title)
print("after the loop, page is", page.title)
print("end of the program")
