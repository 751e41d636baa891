# SPDX-License-Identifier: Apache-2.0
# A default argument collects the pages of all calls.
# type: Page
# holder: default (argument|value).*seen.*visit|visit.*(defaults|seen)
# verdict: grows
# fix: None
import sys

FIXED = "--fixed" in sys.argv
SETTINGS = {f"option-{i}": i for i in range(500)}


class Page:
    def __init__(self, url):
        self.url = url
        self.words = [f"{url}#{i}" for i in range(10)]


def visit(url, seen=[]):
    seen.append(Page(url))
    return len(seen)


def visit_fixed(url, seen=None):
    seen = [] if seen is None else seen
    seen.append(Page(url))
    return len(seen)


for i in range(1500):
    (visit_fixed if FIXED else visit)(f"/page/{i}")
print("done", len(SETTINGS))
